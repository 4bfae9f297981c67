//! Replaces secrets in text by `[redacted NAME]`.

mod lexicon;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use lexicon::{Ending, Lexicon};

use super::text::{self, WINDOW};

/// Shorter pieces of a file are words, not secrets.
const MIN_PIECE: usize = 8;
/// Shorter strings of a JSON file are names and kinds, not secrets.
const MIN_QUOTED: usize = 16;
/// Pieces of files and tokens that are remembered; beyond it the oldest give way.
const MAX_PIECES: usize = 2048;
/// Bytes of all of them.
const MAX_BYTES: usize = 4 << 20;

/// The secrets of one location. Whatever a plugin says passes through here before anybody sees it.
#[derive(Debug, Default)]
pub(crate) struct Redactor {
    secrets: RwLock<Secrets>,
}

#[derive(Default)]
struct Secrets {
    /// All of them, with where they come from. Settings are never forgotten.
    known: BTreeMap<Arc<str>, Arc<str>>,
    /// Pieces of files and tokens among them, oldest first.
    learned: VecDeque<Arc<str>>,
    learned_bytes: usize,
    /// The known ones, to be searched for; made when a text is searched after they have changed.
    lexicon: OnceLock<Lexicon>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("known", &self.known.len())
            .field("learned", &self.learned.len())
            .finish_non_exhaustive()
    }
}

impl Secrets {
    fn lexicon(&self) -> &Lexicon {
        self.lexicon.get_or_init(|| Lexicon::new(&self.known))
    }
}

impl Redactor {
    /// Of the values of secret settings.
    pub(crate) fn new(settings: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut secrets = Secrets::default();
        for (name, value) in settings {
            let name: Arc<str> = name.into();
            // The lines of a key in several lines as well, since text is often shown line by line.
            let lines = value.lines().filter(|line| line.len() >= MIN_PIECE).map(str::to_owned);
            for piece in std::iter::once(value.clone()).chain(lines).chain(values_within(&value)) {
                for piece in [as_debugged(&piece), Some(piece)].into_iter().flatten() {
                    if !piece.is_empty() {
                        secrets.known.entry(piece.into()).or_insert_with(|| Arc::clone(&name));
                    }
                }
            }
        }
        Self { secrets: RwLock::new(secrets) }
    }

    /// Remembers the content of a credentials file or of a token: as a whole, line by line, what stands
    /// behind `=` or `:` in a line, and long strings in double quotes.
    pub(crate) fn learn(&self, name: &str, content: &[u8]) {
        let content = String::from_utf8_lossy(content);
        let (mut public, mut texts) = (Vec::new(), Vec::new());
        let mut pieces = vec![content.trim()];
        if let Ok(json @ serde_json::Value::Object(_)) = serde_json::from_str(&content) {
            sort_values(&json, &mut public, &mut texts);
            // What is escaped in the file is shown without its escapes.
            pieces.extend(
                texts
                    .iter()
                    .flat_map(|text| std::iter::once(text.as_str()).chain(text.lines()))
                    .map(str::trim),
            );
        } else {
            for line in content.lines() {
                pieces.push(line.trim());
                pieces.extend(line.split('"').filter(|piece| piece.len() >= MIN_QUOTED));
                if let Some((_, value)) = line.split_once(['=', ':']) {
                    pieces.push(
                        value.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',')),
                    );
                }
            }
        }
        let mut guard = self.secrets.write().unwrap_or_else(PoisonError::into_inner);
        let secrets = &mut *guard;
        let name: Arc<str> = name.into();
        let public: BTreeSet<&str> = public.iter().map(String::as_str).collect();
        let mut is_new = false;
        for piece in pieces {
            if piece.len() < MIN_PIECE || public.contains(piece) {
                continue;
            }
            for piece in [as_debugged(piece), Some(piece.to_owned())].into_iter().flatten() {
                if secrets.known.contains_key(piece.as_str()) {
                    continue;
                }
                let piece: Arc<str> = piece.into();
                secrets.known.insert(Arc::clone(&piece), Arc::clone(&name));
                secrets.learned_bytes += piece.len();
                secrets.learned.push_back(piece);
                is_new = true;
            }
        }
        while secrets.learned.len() > MAX_PIECES || secrets.learned_bytes > MAX_BYTES {
            let Some(piece) = secrets.learned.pop_front() else { break };
            secrets.learned_bytes -= piece.len();
            secrets.known.remove(&piece);
        }
        if is_new {
            secrets.lexicon = OnceLock::new();
        }
    }

    /// The text without secrets, cut at [`WINDOW`]; a secret that the cut divides is replaced as well.
    pub(crate) fn clean(&self, text: &str) -> String {
        let window = text::cut(text, WINDOW);
        let ending = if window.len() < text.len() { Ending::Cut } else { Ending::Whole };
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let lexicon = secrets.lexicon();
        let mut out = String::with_capacity(window.len());
        let mut rest = window;
        while let Some(first) = rest.chars().next() {
            match lexicon.at(rest, ending) {
                Some(secret) => {
                    out.push_str("[redacted ");
                    out.push_str(secret.name);
                    out.push(']');
                    rest = rest.get(secret.len..).unwrap_or("");
                }
                None => {
                    out.push(first);
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        out
    }

    /// Whether the text, which is bounded already, holds a secret.
    pub(crate) fn finds(&self, text: &str) -> bool {
        let secrets = self.secrets.read().unwrap_or_else(PoisonError::into_inner);
        let lexicon = secrets.lexicon();
        text.char_indices().any(|(at, _)| lexicon.at(&text[at..], Ending::Whole).is_some())
    }
}

/// A secret as it stands in a text that shows values with their quotes and backslashes escaped, where that differs.
fn as_debugged(secret: &str) -> Option<String> {
    let shown = format!("{secret:?}");
    let shown = shown.get(1..shown.len() - 1)?;
    (shown != secret).then(|| shown.to_owned())
}

/// Names in a connection string or a query whose values say where or who, not how to get in.
fn is_public_name(name: &str) -> bool {
    const PUBLIC: [&str; 3] = ["accountname", "endpointsuffix", "defaultendpointsprotocol"];
    let name = name.to_ascii_lowercase();
    PUBLIC.contains(&name.as_str()) || name.ends_with("endpoint")
}

/// Long values in a connection string or a query, as they stand there and percent-decoded; addresses are no secrets.
fn values_within(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split([';', '&', '?']) {
        // Of `SharedAccessSignature=sv=...` as well as of `AccountKey=...==`.
        let mut rest = part;
        while let Some((name, value)) = rest.split_once('=') {
            if is_public_name(name.trim()) {
                break;
            }
            if value.len() >= MIN_QUOTED && !value.contains("://") {
                found.push(value.to_owned());
                found.push(percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned());
            }
            let is_padding = value.bytes().all(|b| b == b'=');
            rest = if is_padding { "" } else { value };
        }
    }
    found
}

/// Fields of key files that say who somebody is and where to ask, which errors have to name.
const PUBLIC: [&str; 12] = [
    "type",
    "client_email",
    "client_id",
    "project_id",
    "token_uri",
    "auth_uri",
    "token_url",
    "audience",
    "url",
    "file",
    "universe_domain",
    "service_account_impersonation_url",
];

/// The texts of a document at any depth: those of such fields, and those of others.
fn sort_values(json: &serde_json::Value, public: &mut Vec<String>, texts: &mut Vec<String>) {
    match json {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(text) if PUBLIC.contains(&name.as_str()) => public.push(text.to_owned()),
                    _ => sort_values(value, public, texts),
                }
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| sort_values(value, public, texts)),
        serde_json::Value::String(text) => texts.push(text.clone()),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new([
            ("KEY".to_owned(), "abc".to_owned()),
            ("LONG".to_owned(), "abcdef".to_owned()),
            ("UNSET".to_owned(), String::new()),
        ])
    }

    #[test]
    fn the_longest_secret_is_replaced_wherever_it_stands() {
        assert_eq!(redactor().clean("xabcdefabcy"), "x[redacted LONG][redacted KEY]y");
        assert_eq!(redactor().clean("nothing here"), "nothing here");
        let key = Redactor::new([("PEM".to_owned(), "-----BEGIN-----\nMIIEvQIBADAN\n".to_owned())]);
        assert_eq!(key.clean("bad: MIIEvQIBADAN"), "bad: [redacted PEM]");
    }

    #[test]
    fn what_was_read_from_a_file_is_a_secret_whole_and_in_pieces() {
        let redactor = redactor();
        redactor.learn("FILE", b"[default]\naws_secret_access_key = \"wJalrXUtnFEMI\"\n");
        assert_eq!(redactor.clean("bad key wJalrXUtnFEMI"), "bad key [redacted FILE]");
        assert!(redactor.finds("aws_secret_access_key = \"wJalrXUtnFEMI\""));
    }

    #[test]
    fn who_a_key_file_is_for_is_no_secret_and_its_key_is() {
        let redactor = redactor();
        let file = r#"{"client_email": "backup@project.example.com", "private_key": "-----BEGIN-----\nMIIEvQIBADAN\n",
            "source": {"refresh_token": "1//0123456789abcdef"}}"#;
        redactor.learn("FILE", file.as_bytes());
        let text = "backup@project.example.com showed 1//0123456789abcdef";
        assert_eq!(redactor.clean(text), "backup@project.example.com showed [redacted FILE]");
        assert_eq!(redactor.clean("MIIEvQIBADAN"), "[redacted FILE]");
        // In one line as well, where the whole line is one piece.
        let redactor = Redactor::default();
        redactor.learn(
            "FILE",
            br#"{"client_email":"backup@project.example.com","private_key":"MIIEvQIBADANMIIEvQ"}"#,
        );
        assert_eq!(redactor.clean("backup@project.example.com"), "backup@project.example.com");
        assert_eq!(redactor.clean("MIIEvQIBADANMIIEvQ"), "[redacted FILE]");
    }

    #[test]
    fn a_connection_string_is_a_secret_whole_and_in_its_values() {
        let text = "AccountName=acme;AccountKey=c29tZSBrZXk9PT09PT09;BlobEndpoint=https://acme.example.com;\
                    SharedAccessSignature=sv=2021-08-06&sig=abc%2Bdefghijklmnop";
        let redactor = Redactor::new([("CONNECTION".to_owned(), text.to_owned())]);
        assert_eq!(redactor.clean("key c29tZSBrZXk9PT09PT09"), "key [redacted CONNECTION]");
        assert_eq!(redactor.clean("?sig=abc%2Bdefghijklmnop&x"), "?sig=[redacted CONNECTION]&x");
        assert_eq!(redactor.clean("sig abc+defghijklmnop"), "sig [redacted CONNECTION]");
        assert_eq!(
            redactor.clean("https://acme.example.com and 2021-08-06"),
            "https://acme.example.com and 2021-08-06"
        );
    }

    #[test]
    fn what_a_connection_string_says_of_who_and_where_is_no_secret() {
        let text = "DefaultEndpointsProtocol=https;AccountName=averylongaccountname1;\
                    AccountKey=c29tZSBrZXk9PT09PT09;EndpointSuffix=core.windows.net";
        let redactor = Redactor::new([("CONNECTION".to_owned(), text.to_owned())]);
        let home = "https://averylongaccountname1.blob.core.windows.net/nightly";
        assert!(!redactor.finds(home) && redactor.finds("c29tZSBrZXk9PT09PT09"));
    }

    #[test]
    fn the_names_of_fields_are_no_secrets() {
        let redactor = Redactor::default();
        redactor.learn(
            "FILE",
            b"{\n  \"credential_source\": {\n    \"some_key_of_a_file\": \"hush-hush\"\n  }\n}\n",
        );
        assert_eq!(redactor.clean("`credential_source` hush-hush"), "`credential_source` [redacted FILE]");
    }

    #[test]
    fn a_secret_that_the_cut_divides_does_not_show_its_beginning() {
        let redactor = Redactor::new([("KEY".to_owned(), "0123456789".to_owned())]);
        let text = format!("{}0123456789", "x".repeat(WINDOW - 4));
        let clean = redactor.clean(&text);
        assert!(clean.ends_with("x[redacted KEY]"), "{}", &clean[clean.len() - 40..]);
    }

    #[test]
    fn what_is_remembered_of_tokens_is_bounded_and_settings_stay() {
        let redactor = redactor();
        for i in 0..10_000 {
            redactor.learn("token", format!("token number {i}").as_bytes());
        }
        redactor.learn("token", &vec![b'x'; MAX_BYTES]);
        let secrets = redactor.secrets.read().unwrap();
        assert!(secrets.learned.len() <= MAX_PIECES && secrets.learned_bytes <= MAX_BYTES);
        assert_eq!(secrets.known.len(), secrets.learned.len() + 2, "two are settings");
        drop(secrets);
        assert!(redactor.finds("abcdef"));
    }

    #[test]
    fn a_secret_is_known_with_its_quotes_escaped() {
        let secret = "hush \"and\" hush";
        let redactor = Redactor::new([("KEY".to_owned(), secret.to_owned())]);
        redactor.learn("FILE", b"c:\\keys\\of\\the\\store");
        assert_eq!(redactor.clean(&format!("etag {:?}", Some(secret))), "etag Some(\"[redacted KEY]\")");
        assert_eq!(redactor.clean(&format!("{:?}", "c:\\keys\\of\\the\\store")), "\"[redacted FILE]\"");
    }

    #[test]
    fn debug_output_holds_no_secret() {
        assert!(!format!("{:?}", redactor()).contains("abc"));
    }
}
