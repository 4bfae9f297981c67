//! Tables of functions, which Rust cannot grow: a component with a larger one is made of the bytes of another.

use siltstone::ErrorKind::Plugin as Fault;

use super::house::{House, Plan, hostile_bytes};

/// Elements that a table may have; the default of the limits.
const MOST: u64 = 100_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_beyond_its_limit_is_refused() {
    let house = House::new(Plan::default()).await;
    house.load(&with_table(&hostile_bytes(), MOST)).await.unwrap();
    for elements in [MOST + 1, 10_000_000, u64::from(u32::MAX)] {
        let error = house.load(&with_table(&hostile_bytes(), elements)).await.unwrap_err();
        let text = error.to_string();
        assert!(error.is(Fault) && text.contains("hostile") && text.contains("table"), "{elements}: {text}");
    }
    house.assert_undisturbed().await;
}

/// The component with a table of so many elements in its largest module.
fn with_table(component: &[u8], elements: u64) -> Vec<u8> {
    let sections = sections(component);
    let is_module = |id: u8| id == 1;
    let largest =
        sections.iter().filter(|(id, _)| is_module(*id)).map(|(_, content)| content.len()).max().unwrap();
    rebuilt(component, &sections, |id, content| {
        (is_module(id) && content.len() == largest).then(|| module_with_table(content, elements))
    })
}

fn module_with_table(module: &[u8], elements: u64) -> Vec<u8> {
    let sections = sections(module);
    assert!(sections.iter().any(|(id, _)| *id == 4), "the module has no table");
    rebuilt(module, &sections, |id, content| {
        (id == 4).then(|| {
            // One table of functions; whatever its bounds were, they are these now.
            assert_eq!(content[..2], [1, 0x70]);
            let mut table = vec![1, 0x70, 1];
            push_leb(&mut table, elements);
            push_leb(&mut table, elements);
            table
        })
    })
}

/// The sections of a component or module: what they are and what they hold.
fn sections(binary: &[u8]) -> Vec<(u8, &[u8])> {
    let (mut at, mut sections) = (8, Vec::new());
    while at < binary.len() {
        let id = binary[at];
        let (mut len, mut shift) = (0_usize, 0);
        loop {
            at += 1;
            len |= usize::from(binary[at] & 0x7f) << shift;
            shift += 7;
            if binary[at] & 0x80 == 0 {
                break;
            }
        }
        at += 1;
        sections.push((id, &binary[at..at + len]));
        at += len;
    }
    sections
}

/// The same binary with other content in some of its sections.
fn rebuilt(
    binary: &[u8],
    sections: &[(u8, &[u8])],
    replace: impl Fn(u8, &[u8]) -> Option<Vec<u8>>,
) -> Vec<u8> {
    let mut out = binary[..8].to_vec();
    for (id, content) in sections {
        let replaced = replace(*id, content);
        let content = replaced.as_deref().unwrap_or(content);
        out.push(*id);
        push_leb(&mut out, content.len() as u64);
        out.extend_from_slice(content);
    }
    out
}

fn push_leb(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
