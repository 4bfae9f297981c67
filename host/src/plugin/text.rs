//! Bounds and escapes text that came from a plugin or a user before it is shown.

/// Bytes of a text that are searched for secrets; what is longer is cut there.
pub(super) const WINDOW: usize = 16 << 10;

/// A value of a plugin in double quotes, for a text that is still to be searched for secrets: where this cuts, the
/// search has ended already, so no secret is divided unseen.
pub(crate) fn shown(text: &str) -> String {
    quoted(text, WINDOW)
}

/// The text, cut at `max` bytes with a mark.
pub(crate) fn bounded(text: &str, max: usize) -> std::borrow::Cow<'_, str> {
    match cut(text, max) {
        all if all.len() == text.len() => all.into(),
        cut => format!("{cut}…").into(),
    }
}

/// The text in double quotes, control characters escaped, cut at `max` bytes of input.
pub(crate) fn quoted(text: &str, max: usize) -> String {
    let cut = cut(text, max);
    let mut out = String::with_capacity(cut.len() + 2);
    out.push('"');
    escape_into(&mut out, cut);
    if cut.len() < text.len() {
        out.push('…');
    }
    out.push('"');
    out
}

/// The text on one line, control characters escaped, cut at `max` bytes of input.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    let mut out = String::with_capacity(text.len().min(max));
    escape_into(&mut out, cut(text, max));
    out
}

/// The longest beginning of at most `max` bytes that ends at a character.
pub(crate) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Whether every character can be printed on one line as it is.
pub(crate) fn is_plain(text: &str) -> bool {
    !text.chars().any(is_unsafe)
}

fn escape_into(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
}

/// Control characters, line separators, and marks that reorder or hide what a terminal shows.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_bounded_line() {
        assert_eq!(quoted("a\nb\u{1b}[2J", 100), "\"a\\nb\\u{1b}[2J\"");
        assert_eq!(quoted("ääää", 3), "\"ä…\"");
        assert_eq!(one_line("a\u{202e}b\r", 10), "a\\u{202e}b\\r");
    }
}
