//! Vectors on the wire: little-endian floats.

use std::collections::BTreeMap;

use siltstone::{Error, ErrorKind, Result};

use super::wire::base::{VectorType, Vectors};

/// Reads a vector; an empty one is none.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Vec<f32>>> {
    let (floats, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        let message = format!("a vector of {} bytes: it must be 4 for each float", bytes.len());
        return Err(Error::invalid("read vector", message));
    }
    checked(floats.iter().map(|f| f32::from_le_bytes(*f)).collect())
}

/// Refuses numbers that are none: they cannot be stored.
pub(super) fn checked(vector: Vec<f32>) -> Result<Option<Vec<f32>>> {
    if let Some(place) = vector.iter().position(|f| !f.is_finite()) {
        let message = format!("number {place} of a vector is {}: send finite numbers only", vector[place]);
        return Err(Error::invalid("read vector", message));
    }
    Ok(Some(vector).filter(|v| !v.is_empty()))
}

/// Reads named vectors.
pub(super) fn decode_named(vectors: &[Vectors]) -> Result<BTreeMap<String, Vec<f32>>> {
    let mut named = BTreeMap::new();
    for vectors in vectors {
        let several = vectors.r#type() == VectorType::MultiFp32 || vectors.index > 0;
        if several || named.contains_key(&vectors.name) {
            let name = vectors.name.escape_debug();
            let message = format!("`{name}` holds several vectors: this database keeps one for each name");
            return Err(Error::new(ErrorKind::Unsupported, "read vector", message));
        }
        if let Some(vector) = decode(&vectors.vector_bytes)? {
            named.insert(vectors.name.clone(), vector);
        }
    }
    Ok(named)
}

/// Writes a vector.
pub(super) fn encode(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|f| f.to_le_bytes()).collect()
}

/// Writes a named vector.
pub(super) fn encode_named(name: &str, vector: &[f32]) -> Vectors {
    Vectors {
        name: name.to_owned(),
        index: 0,
        vector_bytes: encode(vector).into(),
        r#type: VectorType::SingleFp32.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_come_back_as_they_were() {
        let vector = vec![0.25, -1.5, f32::MIN_POSITIVE];
        assert_eq!(decode(&encode(&vector)).unwrap(), Some(vector.clone()));
        assert_eq!(decode(&[]).unwrap(), None);
        let named = [encode_named("a", &vector), encode_named("b", &[1.0])];
        assert_eq!(decode_named(&named).unwrap()["a"], vector);
    }

    #[test]
    fn what_is_no_single_finite_vector_is_refused() {
        assert_eq!(decode(&[0, 0, 0]).unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(decode(&encode(&[1.0, f32::NAN])).unwrap_err().kind(), ErrorKind::Invalid);
        let twice = [encode_named("a", &[1.0]), encode_named("a", &[2.0])];
        assert_eq!(decode_named(&twice).unwrap_err().kind(), ErrorKind::Unsupported);
        let multi = Vectors { r#type: VectorType::MultiFp32.into(), ..encode_named("a", &[1.0]) };
        assert_eq!(decode_named(&[multi]).unwrap_err().kind(), ErrorKind::Unsupported);
    }
}
