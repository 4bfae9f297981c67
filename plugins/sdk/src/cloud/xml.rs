//! XML documents.

/// The name of the root of a document: parsers that fill records do not look at it, and a page of somebody between would pass
/// for an answer without content.
pub fn root(text: &str) -> Option<&str> {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    // Declarations and comments.
    while let Some(skipped) = rest.strip_prefix("<?").or_else(|| rest.strip_prefix("<!")) {
        rest = skipped.split_once('>')?.1.trim_start();
    }
    let name = rest.strip_prefix('<')?;
    let end = name.find(|c: char| c.is_whitespace() || matches!(c, '>' | '/'))?;
    Some(&name[..end]).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::root;

    #[test]
    fn the_root_is_the_first_element() {
        assert_eq!(root("\u{feff}<?xml version=\"1.0\"?>\n<!-- x --><A b=\"c\"><D/></A>"), Some("A"));
        assert_eq!((root("<A/>"), root("<A>"), root(" <A />")), (Some("A"), Some("A"), Some("A")));
        assert_eq!(
            (root(""), root("x"), root("<"), root("<!DOCTYPE html><html>")),
            (None, None, None, Some("html"))
        );
    }
}
