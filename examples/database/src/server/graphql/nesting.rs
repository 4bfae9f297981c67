//! How deep a query is nested, found without recursion: a parser that is deep in a query is deep in its stack.

/// The most brackets that are open at a time outside of texts and comments.
pub(super) fn depth(query: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    let mut rest = query;
    while let Some(place) = rest.find(['{', '(', '[', '}', ')', ']', '"', '#']) {
        let (found, after) = (rest.as_bytes()[place], &rest[place + 1..]);
        rest = match found {
            b'{' | b'(' | b'[' => {
                open += 1;
                most = most.max(open);
                after
            }
            b'"' => after_text(after),
            b'#' => after.find(['\n', '\r']).map_or("", |end| &after[end..]),
            _ => {
                open = open.saturating_sub(1);
                after
            }
        };
    }
    most
}

/// What comes after the text that has just begun.
fn after_text(rest: &str) -> &str {
    if let Some(block) = rest.strip_prefix("\"\"") {
        let mut from = 0;
        while let Some(end) = block[from..].find("\"\"\"").map(|end| from + end) {
            if !block[..end].ends_with('\\') {
                return &block[end + 3..];
            }
            from = end + 3;
        }
        // Two quotes in a row and no third pair: an empty text, or one that never ends.
        return block;
    }
    let mut escaped = false;
    for (place, letter) in rest.char_indices() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            // A text ends with its line at the latest.
            '"' | '\n' | '\r' => return &rest[place + 1..],
            _ => {}
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_count_outside_of_texts_and_comments() {
        assert_eq!(depth("{ a(b: [1, {c: 2}]) { d } }"), 4);
        assert_eq!(depth(r#"{ a(b: "{{{ \" {{{") }"#), 2);
        assert_eq!(depth("{ # {{{{\n a }"), 1);
        assert_eq!(depth("{ a(b: \"\"\"{{ \" {{ \\\"\"\" {{\"\"\") }"), 2);
        assert_eq!(depth("{ a(b: \"\") { c } }"), 2);
        assert_eq!(depth(&"{".repeat(1000)), 1000);
        assert_eq!(depth("}}}{"), 1);
    }

    #[test]
    fn a_text_without_an_end_hides_no_brackets_of_other_lines() {
        assert_eq!(depth("\"abc\n{{{"), 3);
        assert_eq!(depth("\"\" {{{"), 3);
    }
}
