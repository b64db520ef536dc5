//! Files from strangers: sound ones, damaged in many ways, are an error or give an answer. `fuzz/` asks
//! the same of what a fuzzer makes of them.

#![cfg(feature = "cli")]

use crate::judge;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::Path;

/// One damage to a file.
#[derive(Clone, Debug)]
enum Damage {
    /// Bits of a byte are flipped.
    Flip(Index, u8),
    /// The file ends early.
    Cut(Index),
    /// Bytes are put in.
    Insert(Index, Vec<u8>),
    /// A stretch of the file stands in another place, too.
    Splice(Index, Index, usize),
    /// A number in digits, which may be in a header or a plan, is another one.
    Number(Index, &'static str),
}

const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "7",
    "-1",
    "0.5",
    "1e308",
    "65536",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "1e400",
    "null",
];

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let insert = (any::<Index>(), prop::collection::vec(any::<u8>(), 1..9));
    let splice = (any::<Index>(), any::<Index>(), 1_usize..40);
    let one = prop_oneof![
        (any::<Index>(), 1_u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        any::<Index>().prop_map(Damage::Cut),
        insert.prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        splice.prop_map(|(from, to, length)| Damage::Splice(from, to, length)),
        (any::<Index>(), prop::sample::select(&NUMBERS[..]))
            .prop_map(|(which, number)| Damage::Number(which, number)),
    ];
    prop::collection::vec(one, 1..4)
}

fn damaged(mut bytes: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for damage in damages {
        if bytes.is_empty() {
            break;
        }
        let length = bytes.len();
        match damage {
            Damage::Flip(at, bits) => bytes[at.index(length)] ^= bits,
            Damage::Cut(at) => bytes.truncate(at.index(length)),
            Damage::Insert(at, more) => {
                let at = at.index(length);
                bytes.splice(at..at, more.iter().copied());
            }
            Damage::Splice(from, to, count) => {
                let (from, to) = (from.index(length), to.index(length));
                let piece = bytes[from..length.min(from + count)].to_vec();
                bytes.splice(to..to, piece);
            }
            Damage::Number(which, number) => {
                let numbers = numbers(&bytes);
                if !numbers.is_empty() {
                    bytes.splice(which.get(&numbers).clone(), number.bytes());
                }
            }
        }
    }
    bytes
}

/// Where digits stand, one behind the other.
fn numbers(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut start = 0;
    let mut numbers = Vec::new();
    for run in bytes.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        if run[0].is_ascii_digit() {
            numbers.push(start..start + run.len());
        }
        start += run.len();
    }
    numbers
}

/// The text's bytes, damaged, as far as they are text.
fn damaged_text(text: String, damages: &[Damage]) -> String {
    String::from_utf8_lossy(&damaged(text.into_bytes(), damages)).into_owned()
}

/// The header of a safetensors file begins with its size: where that is right, what is behind it is read.
fn with_header_size(mut bytes: Vec<u8>, was: usize) -> Vec<u8> {
    if let Some((size, rest)) = bytes.split_first_chunk_mut::<8>() {
        let header = rest.len().saturating_add_signed(-(was as isize));
        *size = (header as u64).to_le_bytes();
    }
    bytes
}

/// Bytes of tensors, behind the header.
fn data_of(file: &[u8]) -> usize {
    let size = file.first_chunk().map(|&size| u64::from_le_bytes(size)).expect("a sound file");
    file.len() - 8 - size as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pictures_are_judged(which in 0..4_usize, damages in damage()) {
        judge::picture(&damaged(judge::pictures().swap_remove(which), &damages));
    }

    #[test]
    fn models_are_judged(which in 0..3_usize, fits: bool, damages in damage()) {
        let sound = judge::models().swap_remove(which);
        let data = data_of(&sound);
        let bytes = damaged(sound, &damages);
        judge::model(&if fits { with_header_size(bytes, data) } else { bytes });
    }

    #[test]
    fn plans_of_models_are_judged(which in 0..3_usize, damages in damage()) {
        judge::model_plan(&damaged_text(judge::plans().swap_remove(which), &damages));
    }

    #[test]
    fn checkpoints_are_judged(fits: bool, damages in damage()) {
        let sound = judge::checkpoint();
        let bytes = damaged(sound.to_vec(), &damages);
        judge::training(&if fits { with_header_size(bytes, data_of(sound)) } else { bytes });
    }

    #[test]
    fn accounts_of_trainings_are_judged(damages in damage()) {
        judge::training_account(&damaged_text(judge::account(), &damages));
    }

    #[test]
    fn settings_are_judged(which in 0..2_usize, damages in damage()) {
        judge::settings(&damaged(judge::all_settings().swap_remove(which).into(), &damages));
    }

    #[test]
    fn labels_are_judged(which in 0..2_usize, damages in damage()) {
        judge::idx(&damaged(judge::labels().swap_remove(which), &damages));
    }

    #[test]
    fn archives_are_judged(which in 0..2_usize, damages in damage()) {
        judge::archive(&damaged(judge::archives().swap_remove(which), &damages));
    }
}

/// Were the sound files refused, the damaged ones would show nothing.
#[test]
fn sound_files_have_answers() {
    assert!(judge::pictures().iter().all(|bytes| judge::picture(bytes)));
    assert!(judge::models().iter().all(|bytes| judge::model(bytes)));
    assert!(judge::plans().iter().all(|plan| judge::model_plan(plan)));
    assert!(judge::training(judge::checkpoint()));
    assert!(judge::training_account(&judge::account()));
    assert!(judge::all_settings().iter().all(|text| judge::settings(text.as_bytes())));
    assert!(judge::labels().iter().all(|bytes| judge::idx(bytes)));
}

/// Writes the sound files where the fuzzers look for what to begin with.
#[test]
#[ignore = "writes into fuzz/corpus"]
fn fuzzers_begin_with_the_sound_files() {
    let bytes = |texts: Vec<String>| texts.into_iter().map(String::into_bytes).collect();
    for (target, files) in [
        ("account", bytes(vec![judge::account()])),
        ("archive", judge::archives()),
        ("checkpoint", vec![judge::checkpoint().to_vec()]),
        ("idx", judge::labels()),
        ("model", judge::models()),
        ("picture", judge::pictures()),
        ("plan", bytes(judge::plans())),
        ("settings", bytes(judge::all_settings())),
    ] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
        fs::create_dir_all(&folder).expect("a folder");
        for (number, file) in files.iter().enumerate() {
            fs::write(folder.join(format!("sound-{number}")), file).expect("a file");
        }
    }
}

/// Not of a JPEG: that format has no checksum.
#[test]
fn a_changed_byte_among_the_pixels_of_a_png_is_found() {
    let png = judge::pictures().swap_remove(0);
    let name = png.windows(4).position(|name| name == b"IDAT").expect("pixels");
    let size = u32::from_be_bytes(*png[name - 4..].first_chunk().expect("four bytes")) as usize;
    // The name, the pixels and their checksum.
    for at in name..name + 4 + size + 4 {
        let mut changed = png.clone();
        changed[at] ^= 1;
        assert!(!judge::picture(&changed), "byte {at}");
    }
}
