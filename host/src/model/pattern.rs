//! Names and patterns of names, as `include` and `exclude` have them.

use crate::error::{Error, Result};

/// An entry of a selection. One without `*` and `?` is a name and matches itself only. In any other one `*` stands for any
/// run of characters, `?` for one, `[a-z]` for one of a class, `[^a-z]` for one outside it, and `\` takes the next
/// character as it is: the syntax of Go's `path.Match`, on names that hold no `/`. Matching is case-sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    /// `None` for a name.
    tokens: Option<Vec<Token>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    Run,
    One,
    Exactly(char),
    Class { inside: bool, ranges: Vec<(char, char)> },
}

impl Pattern {
    /// Reads an entry; `Invalid` for a class that is empty or does not end, and for a `\` with nothing after it.
    pub fn new(text: impl Into<String>) -> Result<Self> {
        let text = text.into();
        if !text.contains(['*', '?']) {
            return Ok(Self { text, tokens: None });
        }
        match tokens(&text) {
            Some(tokens) => Ok(Self { text, tokens: Some(tokens) }),
            None => Err(Error::invalid(
                "select",
                format!(
                    "`{}` is not a pattern: end every `[` with `]` and write something between them, and something \
                     after every `\\`",
                    text.escape_debug()
                ),
            )),
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is a name and no pattern.
    #[must_use]
    pub fn is_name(&self) -> bool {
        self.tokens.is_none()
    }

    /// Whether it names this; linear in practice, quadratic at worst, as both are short.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let Some(tokens) = &self.tokens else { return self.text == name };
        let name: Vec<char> = name.chars().collect();
        let (mut token, mut at) = (0, 0);
        // The last run, and where what it stands for ends.
        let mut run = None;
        while at < name.len() {
            if tokens.get(token) == Some(&Token::Run) {
                run = Some((token, at));
                token += 1;
            } else if tokens.get(token).is_some_and(|t| t.takes(name[at])) {
                token += 1;
                at += 1;
            } else if let Some((begin, end)) = run {
                run = Some((begin, end + 1));
                (token, at) = (begin + 1, end + 1);
            } else {
                return false;
            }
        }
        tokens[token..].iter().all(|t| *t == Token::Run)
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Run => false,
            Self::One => true,
            Self::Exactly(own) => *own == c,
            Self::Class { inside, ranges } => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&c)) == *inside
            }
        }
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut chars = text.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Run,
            '?' => Token::One,
            '\\' => Token::Exactly(chars.next()?),
            '[' => class(&mut chars)?,
            other => Token::Exactly(other),
        });
    }
    Some(tokens)
}

fn class(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let inside = chars.next_if_eq(&'^').is_none();
    let mut ranges = Vec::new();
    loop {
        if !ranges.is_empty() && chars.next_if_eq(&']').is_some() {
            return Some(Token::Class { inside, ranges });
        }
        let first = member(chars)?;
        let last = if chars.next_if_eq(&'-').is_some() { member(chars)? } else { first };
        ranges.push((first, last));
    }
}

/// One end of a range; `-` and `]` stand there only after a `\`.
fn member(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<char> {
    match chars.next()? {
        '-' | ']' => None,
        '\\' => chars.next(),
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).unwrap().matches(name)
    }

    #[test]
    fn runs_and_single_characters_stand_for_what_they_say() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "Ab"),
            ("A*", "A"),
            ("*b*", "abc"),
            ("A?c", "Aüc"),
            ("*a*b*", "xaxbx"),
            ("a**", "a"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [("?", ""), ("A*", "a"), ("A?", "A"), ("*ab", "aba"), ("a*b", "acbc")] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
    }

    #[test]
    fn classes_and_escapes_count_only_beside_a_star_or_question_mark() {
        assert!(matches("[A-C]*", "Book") && !matches("[A-C]*", "Dog"));
        assert!(matches("[^A-C]?", "Do") && !matches("[^A-C]?", "Bo"));
        assert!(matches("[a\\-z]*", "-x") && !matches("[a\\-z]*", "bx"));
        assert!(matches("\\**", "*x") && !matches("\\**", "x"));
        assert!(matches("[ABC]", "[ABC]") && !matches("[ABC]", "A"));
        assert!(matches("a\\", "a\\") && Pattern::new("[").unwrap().is_name());
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        for pattern in ["[*", "[]*", "*\\", "[a-]*", "[^]*", "[-a]*", "[a*"] {
            let error = Pattern::new(pattern).unwrap_err().to_string();
            assert!(error.contains(&pattern.escape_debug().to_string()), "{error}");
        }
    }

    #[test]
    fn many_stars_do_not_take_for_ever() {
        let pattern = Pattern::new("*a".repeat(200) + "b").unwrap();
        assert!(!pattern.matches(&"a".repeat(5000)));
    }
}
