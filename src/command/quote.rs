//! Words that are pasted into a shell, and arrive there as they were.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

/// `word` as a shell reads it: as it is where no shell reads anything into it, else in quotes.
///
/// Control characters, and bytes that are no text, go into `$'…'`, which bash, zsh and ksh know.
pub fn word(word: impl AsRef<OsStr>) -> String {
    let bytes = word.as_ref().as_encoded_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"%+,-./:=@_".contains(byte);
    match std::str::from_utf8(bytes) {
        Ok(text) if !bytes.is_empty() && bytes.iter().all(plain) => text.to_owned(),
        // No name holds a quotation mark there.
        Ok(text) if cfg!(windows) => format!("\"{text}\""),
        Ok(text) if !text.contains(char::is_control) => {
            format!("'{}'", text.replace('\'', r"'\''"))
        }
        _ => escaped(bytes),
    }
}

/// A path as an argument: [`word`], and not to be taken for an option.
pub fn path(path: &Path) -> String {
    match path.as_os_str().as_encoded_bytes() {
        [b'-', ..] => word(Path::new(".").join(path)),
        _ => word(path),
    }
}

fn escaped(bytes: &[u8]) -> String {
    let mut quoted = "$'".to_owned();
    for &byte in bytes {
        match byte {
            b'\'' | b'\\' => quoted.extend(['\\', byte.into()]),
            b' '..=b'~' => quoted.push(byte.into()),
            _ => write!(quoted, "\\x{byte:02x}").expect("a string takes all that is written"),
        }
    }
    quoted + "'"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_words_stay_as_they_are() {
        for text in ["runs/mnist-1", "--layers", "256,128", "--rate=1e-3", "normal:0.1", "a@b+c"] {
            assert_eq!(word(text), text);
        }
        assert_eq!(path(Path::new("-out")), "./-out");
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_what_was_quoted() {
        use std::os::unix::ffi::OsStrExt;
        use std::process::Command;

        let words: [&[u8]; 10] = [
            b"",
            b"my run",
            b"it's",
            b"$HOME `id`",
            b"a\\b",
            b"~",
            b"*",
            b"tab\there\nline's \\",
            b"\xff",
            "Zürich \u{9b}1m".as_bytes(),
        ];
        for bytes in words {
            let quoted = word(OsStr::from_bytes(bytes));
            assert!(!quoted.contains(char::is_control), "{quoted:?}");
            let output = Command::new("bash").args(["-c", &format!("printf %s {quoted}")]).output();
            assert_eq!(output.expect("bash starts").stdout, bytes, "{quoted}");
        }
    }
}
