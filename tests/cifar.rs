//! The loader of CIFAR-10 on sound, foreign and damaged files.
#![cfg(feature = "data")]

use chainrule::data::cifar::{
    self, BATCH, BATCHES, CHANNELS, CLASSES, CifarError, FOLDER, Identity, Location, NAMES, SIDE,
    check, digest,
};
use chainrule::data::inventory::{Status, Verdict, inventory, verify};
use chainrule::data::known::{self, Set};
use chainrule::data::{Dataset, folder};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;
use std::sync::LazyLock;
use tempfile::TempDir;

const ARCHIVE: &str = "cifar-10-binary.tar.gz";
const PLANE: usize = SIDE * SIDE;
const RECORD: usize = 1 + CHANNELS * PLANE;

/// Batch `k`: of image i of all the label is i mod 10, and in its second row the first red pixels
/// hold i, and each second pixel is 10·k + 1 green and 10·k + 2 blue.
fn batch(k: usize) -> Vec<u8> {
    let mut bytes = vec![0; BATCH];
    for (record, i) in bytes.chunks_exact_mut(RECORD).zip(10_000 * k..) {
        record[0] = (i % 10) as u8;
        record[1 + SIDE..][..2].copy_from_slice(&(i as u16).to_be_bytes());
        record[1 + PLANE + SIDE + 1] = 10 * k as u8 + 1;
        record[1 + 2 * PLANE + SIDE + 1] = 10 * k as u8 + 2;
    }
    bytes
}

/// A tar archive, with whatever paths its files are to have.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        // Past the check that an honest archiver makes of its names.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive.append(&header, *bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn names() -> [String; 6] {
    BATCHES.map(|batch| format!("{FOLDER}/{batch}"))
}

/// A set of CIFAR-10's form and size: the archive, and in the folder `unpacked` its batches.
static SET: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let batches: Vec<_> = (0..6).map(batch).collect();
    let names = names();
    // Not in their order, and with a file that is no batch.
    let mut files = vec![("cifar-10-batches-bin/batches.meta.txt", &b"airplane\n"[..])];
    files.extend(names.iter().map(String::as_str).zip(batches.iter().map(Vec::as_slice)).rev());
    fs::write(folder.path().join(ARCHIVE), gzip(&tar(&files))).unwrap();
    let unpacked = folder.path().join("unpacked").join(FOLDER);
    fs::create_dir_all(&unpacked).unwrap();
    for (name, bytes) in BATCHES.iter().zip(&batches) {
        fs::write(unpacked.join(name), bytes).unwrap();
    }
    folder
});

/// The error of an archive that holds `bytes`.
fn error_of(bytes: &[u8]) -> CifarError {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join(ARCHIVE), bytes).unwrap();
    let error = cifar::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains(ARCHIVE), "{error}");
    error
}

/// The unpacked set in a folder of its own, with `bytes` as the batch `name`, or without it.
fn unpacked_with(name: &str, bytes: Option<&[u8]>) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join(FOLDER)).unwrap();
    for batch in BATCHES.iter().filter(|&&batch| batch != name) {
        let from = SET.path().join("unpacked").join(FOLDER).join(batch);
        fs::hard_link(from, folder.path().join(FOLDER).join(batch)).unwrap();
    }
    if let Some(bytes) = bytes {
        fs::write(folder.path().join(FOLDER).join(name), bytes).unwrap();
    }
    folder
}

fn error_with(name: &str, bytes: &[u8]) -> CifarError {
    let error = cifar::load(unpacked_with(name, Some(bytes)).path()).unwrap_err();
    assert!(error.to_string().contains(name), "{error}");
    error
}

#[test]
fn a_set_of_the_form_of_cifar_loads_packed_and_unpacked() {
    let unpacked = SET.path().join("unpacked");
    let below = TempDir::new().unwrap();
    fs::create_dir(below.path().join("cifar-10")).unwrap();
    let link = below.path().join("cifar-10").join(ARCHIVE);
    fs::hard_link(SET.path().join(ARCHIVE), &link).unwrap();
    for folder in [SET.path(), &unpacked, below.path()] {
        let set = cifar::load(folder).unwrap();
        assert_eq!(set.identity, Identity::Other);
        assert_eq!(set.all.name(), "data in the form of CIFAR-10");
        assert_eq!([set.all.len(), set.train.len(), set.test.len()], [60_000, 50_000, 10_000]);
        assert_eq!((set.test.shape(), set.test.classes()), (&[32, 32, 3][..], 10));
        let mut image = [0.0_f64; 3_072];
        for (data, i, number) in [
            (&set.all, 0, 0),
            (&set.all, 49_999, 49_999),
            (&set.all, 50_001, 50_001),
            (&set.train, 30_123, 30_123),
            (&set.test, 9_999, 59_999),
        ] {
            data.read(i, &mut image);
            let bytes = image.map(|x| (255.0 * x).round() as usize);
            let row = &bytes[3 * SIDE..];
            let k = number / 10_000;
            let expected = [number / 256, 0, 0, number % 256, 10 * k + 1, 10 * k + 2, 0];
            assert_eq!(row[..7], expected, "image {number}");
            assert!(bytes[..3 * SIDE].iter().chain(&row[6..]).all(|&byte| byte == 0));
            assert_eq!(data.label(i), number % 10);
        }
        let notice = set.notice.expect("these are not CIFAR-10's checksums");
        assert!(notice.contains("in the form of CIFAR-10"), "{notice}");
        for file in &set.files {
            let bytes = fs::read(&file.path).unwrap();
            assert_eq!(file.sha256, known::sha256(&bytes[..]).unwrap());
        }
        assert_eq!(set.files.len(), if folder == unpacked { 6 } else { 1 });
    }
}

#[test]
fn batches_are_read_before_the_archive_where_all_are_there() {
    let folder = unpacked_with("test_batch.bin", None);
    fs::hard_link(SET.path().join(ARCHIVE), folder.path().join(ARCHIVE)).unwrap();
    let archive = folder.path().join(ARCHIVE);
    assert_eq!(cifar::locate(folder.path()).unwrap(), Location::Archive(archive.clone()));
    fs::write(folder.path().join(FOLDER).join("test_batch.bin"), "").unwrap();
    let location = cifar::locate(folder.path()).unwrap();
    assert_eq!(location.path(), folder.path().join(FOLDER));
    assert!(matches!(location, Location::Batches(_)));
    assert_eq!(Location::Archive(archive.clone()).path(), archive);
}

#[test]
fn a_set_that_is_not_there_is_said_to_be_missing() {
    let empty = TempDir::new().unwrap();
    for folder in [empty.path(), &empty.path().join("no such folder")] {
        let error = cifar::load(folder).unwrap_err();
        assert!(matches!(&error, CifarError::Missing { missing, .. } if missing == &[ARCHIVE]));
        assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
    }
    let error = cifar::load(unpacked_with("data_batch_3.bin", None).path()).unwrap_err();
    let CifarError::Missing { missing, .. } = &error else { panic!("{error}") };
    assert_eq!(missing, &["cifar-10-batches-bin/data_batch_3.bin"]);
}

#[test]
fn batches_of_a_wrong_length_are_refused() {
    let bytes = batch(2);
    for length in [0, 1, RECORD, BATCH - RECORD, BATCH - 1] {
        let error = error_with("data_batch_3.bin", &bytes[..length]);
        let CifarError::Size { batch, found, .. } = &error else { panic!("{error}") };
        assert_eq!((*batch, *found), ("data_batch_3.bin", length as u64));
        assert!(error.to_string().contains(&format!("found {length}:")), "{error}");
    }
    let longer = [&bytes[..], &[0; 5]].concat();
    let error = error_with("data_batch_3.bin", &longer);
    assert!(matches!(error, CifarError::Size { found: 30_730_001, .. }), "{error}");
    assert!(error.to_string().contains("found at least 30730001"), "{error}");
    // In an archive the length stands before the bytes: they are not unpacked.
    let error = error_of(&gzip(&tar(&[("cifar-10-batches-bin/data_batch_2.bin", b"short")])));
    assert!(matches!(error, CifarError::Size { batch: "data_batch_2.bin", found: 5, .. }));
}

#[test]
fn labels_above_nine_are_refused() {
    let mut bytes = batch(5);
    bytes[4_321 * RECORD] = 10;
    bytes[4_322 * RECORD] = 255;
    let error = error_with("test_batch.bin", &bytes);
    let expected = "found 10 at record 4321";
    assert!(matches!(error, CifarError::Label { record: 4_321, label: 10, .. }), "{error}");
    assert!(error.to_string().contains(expected), "{error}");
    let error = error_of(&gzip(&tar(&[("cifar-10-batches-bin/test_batch.bin", &bytes)])));
    assert!(matches!(error, CifarError::Label { batch: "test_batch.bin", record: 4_321, .. }));
    let error = check(Path::new("here"), "test_batch.bin", &bytes).unwrap_err().to_string();
    assert!(error.starts_with("here: test_batch.bin: ") && error.contains(expected), "{error}");
    assert!(check(Path::new("here"), "test_batch.bin", &batch(5)).is_ok());
}

#[test]
fn a_cut_archive_is_told_from_a_damaged_one() {
    let whole = fs::read(SET.path().join(ARCHIVE)).unwrap();
    for length in [0, 5, whole.len() / 2, whole.len() - 1] {
        let error = error_of(&whole[..length]);
        assert!(matches!(error, CifarError::Cut { .. }), "cut at {length}: {error}");
    }
    let error = error_of(&whole[..whole.len() / 2]).to_string();
    assert!(error.contains("cut off in or behind cifar-10-batches-bin/data_batch_"), "{error}");
    let mut flipped = whole.clone();
    // The checksum of what was packed is before the last four bytes.
    flipped[whole.len() - 6] ^= 1;
    for bytes in [&flipped[..], b"<!DOCTYPE html><title>Not found", &gzip(&[7; 2_000])] {
        let error = error_of(bytes);
        assert!(matches!(error, CifarError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("download it again"), "{error}");
    }
    // A tar archive that is whole for gzip and ends within a batch.
    let cut = tar(&[("cifar-10-batches-bin/data_batch_1.bin", &batch(0))]);
    let error = error_of(&gzip(&cut[..10_000]));
    assert!(matches!(&error, CifarError::Cut { place, .. } if place.contains("data_batch_1.bin")));
}

#[test]
fn an_archive_without_all_batches_is_refused() {
    let one = batch(0);
    let error = error_of(&gzip(&tar(&[("cifar-10-batches-bin/data_batch_1.bin", &one)])));
    let CifarError::Incomplete { missing, .. } = &error else { panic!("{error}") };
    assert_eq!(missing, &BATCHES[1..]);
    assert!(error.to_string().contains("data_batch_2.bin or"), "{error}");
    let error = error_of(&gzip(&tar(&[("cifar-100-binary/train.bin", b"others")])));
    assert!(matches!(&error, CifarError::Incomplete { missing, .. } if missing == &BATCHES));
}

#[test]
fn an_archive_whose_files_leave_its_folder_is_refused() {
    for name in ["../data_batch_1.bin", "cifar-10-batches-bin/../../x", "/etc/data_batch_1.bin"] {
        let error = error_of(&gzip(&tar(&[(name, b"x")])));
        assert!(matches!(&error, CifarError::Outside { entry, .. } if entry == name), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    // A link by a batch's name is no batch.
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Symlink);
    header.set_size(0);
    let mut archive = tar::Builder::new(Vec::new());
    archive.append_link(&mut header, "f/data_batch_1.bin", "/etc/passwd").unwrap();
    let error = error_of(&gzip(&archive.into_inner().unwrap()));
    assert!(matches!(&error, CifarError::Incomplete { missing, .. } if missing == &BATCHES));
}

#[test]
fn an_archive_of_several_members_is_read() {
    let files = tar(&[("cifar-10-batches-bin/data_batch_1.bin", &batch(0))]);
    let members = files.chunks(10_000_000).flat_map(gzip).collect::<Vec<_>>();
    // It is read to its end: what it lacks is known.
    let error = error_of(&members);
    assert!(matches!(&error, CifarError::Incomplete { missing, .. } if missing == &BATCHES[1..]));
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_and_not_opened() {
    let folder = TempDir::new().unwrap();
    let archive = folder.path().join(ARCHIVE);
    for device in [None, Some("/dev/zero")] {
        match device {
            None => assert!(Command::new("mkfifo").arg(&archive).status().unwrap().success()),
            Some(device) => std::os::unix::fs::symlink(device, &archive).unwrap(),
        }
        let error = cifar::load(folder.path()).unwrap_err();
        assert!(matches!(&error, CifarError::Read { path, .. } if *path == archive), "{error:?}");
        assert!(error.to_string().contains("no regular file"), "{error}");
        let [found] = &inventory(&[folder.path()])[..] else { panic!("one archive") };
        assert!(matches!(&found.status, Status::Damaged(why) if why.contains("no regular file")));
        fs::remove_file(&archive).unwrap();
    }
}

/// A folder that nobody can look into, not even root: a link to itself.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_looked_into_is_not_said_to_be_empty() {
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("cifar-10", folder.path().join("cifar-10")).unwrap();
    let error = cifar::load(folder.path()).unwrap_err();
    assert!(matches!(&error, CifarError::Folder { .. }), "{error:?}");
    let Verdict::Damaged(found) = verify(Set::Cifar10, folder.path()) else { panic!("missing") };
    assert_eq!((found.len(), &found[0].sha256), (1, &None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever an archive has in it is judged, and nothing panics.
    #[test]
    fn cut_flipped_and_foreign_archives_are_judged(
        foreign in prop::option::of(prop::collection::vec(any::<u8>(), 0..2_000)),
        inside: bool,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..4),
        kept in 0.0..1.5_f64,
    ) {
        let files = [("cifar-10-batches-bin/batches.meta.txt", &b"names"[..]), ("x/y", &[7; 700])];
        let mut bytes = foreign.unwrap_or_else(|| tar(&files));
        if !inside {
            bytes = gzip(&bytes);
        }
        for (at, flip) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
        }
        bytes.truncate((kept * bytes.len() as f64) as usize);
        if inside {
            bytes = gzip(&bytes);
        }
        // No such archive has the six batches.
        error_of(&bytes);
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join(ARCHIVE)).unwrap();
    let error = cifar::load(folder.path()).unwrap_err();
    // Which of the two depends on whether the system opens a folder.
    assert!(
        matches!(error, CifarError::Read { .. } | CifarError::Damaged { .. }),
        "{error}: {error:?}"
    );
    assert!(matches!(verify(Set::Cifar10, folder.path()), Verdict::Damaged(_)));
}

#[test]
fn a_digest_depends_on_the_records_and_not_on_their_order() {
    let pixels: Vec<u8> = (0..3 * 3_072).map(|i| (i * i % 251) as u8).collect();
    let [a, b, c] = [0, 1, 2].map(|k| &pixels[k * 3_072..(k + 1) * 3_072]);
    let found = digest(&pixels, &[3, 1, 4]);
    assert_eq!(digest(&[c, a, b].concat(), &[4, 3, 1]), found);
    assert_ne!(digest(&pixels, &[3, 4, 1]), found, "labels belong to their images");
    assert_ne!(digest(&[a, b].concat(), &[3, 1]), found);
    let mut changed = pixels.clone();
    changed[5_000] ^= 1;
    assert_ne!(digest(&changed, &[3, 1, 4]), found);
    // Of one record: the checksum of its checksum.
    let record = [&[3][..], a].concat();
    let sum = known::sha256(&record[..]).unwrap();
    let bytes: Vec<u8> =
        (0..32).map(|i| u8::from_str_radix(&sum[2 * i..2 * i + 2], 16).unwrap()).collect();
    assert_eq!(digest(a, &[3]), known::sha256(&bytes[..]).unwrap());
}

#[test]
fn the_inventory_is_quick_and_verification_looks_inside() {
    let [found] = &inventory(&[SET.path()])[..] else { panic!("one archive") };
    assert_eq!((found.set, &found.status), (Set::Cifar10, &Status::Unopened));
    assert_eq!(found.path, SET.path().join(ARCHIVE));
    let archive = fs::read(SET.path().join(ARCHIVE)).unwrap();
    assert_eq!(found.sha256, Some(known::sha256(&archive[..]).unwrap()));
    let Verdict::Other(files) = verify(Set::Cifar10, SET.path()) else { panic!("other data") };
    assert_eq!((files[0].status.clone(), &files[0].path), (Status::Other, &found.path));
    let unpacked = SET.path().join("unpacked");
    let [found] = &inventory(&[&unpacked])[..] else { panic!("one folder") };
    assert_eq!((&found.status, &found.path), (&Status::Unopened, &unpacked.join(FOLDER)));
    let all: Vec<u8> = (0..6).flat_map(batch).collect();
    assert_eq!(found.sha256, Some(known::sha256(&all[..]).unwrap()));
    let damaged = unpacked_with("test_batch.bin", Some(b"short"));
    let Verdict::Damaged(files) = verify(Set::Cifar10, damaged.path()) else { panic!("damaged") };
    assert!(matches!(&files[0].status, Status::Damaged(why) if why.contains("test_batch.bin")));
}

/// Where the real set is, if it is at hand.
fn real() -> Option<PathBuf> {
    let folder = std::env::var_os(folder::VARIABLE).map(PathBuf::from);
    let folder = folder.filter(|folder| cifar::locate(folder).is_ok());
    if folder.is_none() {
        println!("data: no CIFAR-10 in {}; the other tests used their own", folder::VARIABLE);
    }
    folder
}

fn counts(data: &Dataset) -> [usize; CLASSES] {
    let mut counts = [0; CLASSES];
    (0..data.len()).for_each(|i| counts[data.label(i)] += 1);
    counts
}

#[test]
fn the_real_set_is_the_real_one() {
    let Some(folder) = real() else { return };
    let set = cifar::load(&folder).unwrap();
    println!("data: {}", set.notice.as_deref().unwrap_or("the original CIFAR-10"));
    assert_ne!(set.identity, Identity::Other);
    assert_eq!(set.all.name(), "CIFAR-10");
    assert_eq!((counts(&set.train), counts(&set.test)), ([5_000; 10], [1_000; 10]));
    let (mut sum, mut squares) = ([0.0; 3], [0.0; 3]);
    let mut image = [0.0_f64; 3_072];
    for i in 0..set.train.len() {
        set.train.read(i, &mut image);
        for pixel in image.as_chunks::<3>().0 {
            for channel in 0..3 {
                sum[channel] += pixel[channel];
                squares[channel] += pixel[channel] * pixel[channel];
            }
        }
    }
    let count = (set.train.len() * PLANE) as f64;
    let published = [(0.49140, 0.24703), (0.48216, 0.24349), (0.44653, 0.26159)];
    for (channel, (mean, deviation)) in published.into_iter().enumerate() {
        let found = sum[channel] / count;
        assert!((found - mean).abs() < 6e-6, "mean of channel {channel}: {found}");
        let found = (squares[channel] / count - found * found).sqrt();
        assert!((found - deviation).abs() < 6e-6, "deviation of channel {channel}: {found}");
    }
    let verdict = verify(Set::Cifar10, &folder);
    match set.identity {
        Identity::Original => assert_eq!(verdict, Verdict::Original),
        _ => assert!(matches!(verdict, Verdict::Repacked(files) if files.len() == 1)),
    }
    assert_eq!([NAMES[0], NAMES[6], NAMES[9]], ["airplane", "frog", "truck"]);
}

#[cfg(feature = "fetch")]
#[test]
fn a_set_in_another_order_is_at_hand() {
    let Some(folder) = real() else { return };
    let location = cifar::locate(&folder).unwrap();
    // No mirror is asked: there is none at this address.
    let fetched =
        chainrule::data::fetch::fetch(Set::Cifar10, &folder, Some("http://[::1]:9/"), |_| {});
    let [file] = &fetched.unwrap()[..] else { panic!("one archive") };
    assert_eq!((file.path.as_path(), &file.from), (location.path(), &None));
}
