//! The loaders on sound, foreign and damaged files, and the download on a server that fails.
#![cfg(feature = "data")]

use chainrule::data::folder::{self, NoFolder};
use chainrule::data::inventory::{Status, Verdict, inventory, verify};
use chainrule::data::known::{self, Set};
use chainrule::data::mnist::{self, Content, MnistError};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use tempfile::TempDir;

const TRAIN_IMAGES: &str = "train-images-idx3-ubyte";
const TRAIN_LABELS: &str = "train-labels-idx1-ubyte";
const TEST_IMAGES: &str = "t10k-images-idx3-ubyte";
const TEST_LABELS: &str = "t10k-labels-idx1-ubyte";
const NAMES: [&str; 4] = [TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS];

fn numbers(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

/// Images whose first two pixels hold their number.
fn images(count: usize) -> Vec<u8> {
    let mut bytes = numbers(&[0x803, count as u32, 28, 28]);
    bytes.resize(16 + 784 * count, 0);
    for (i, image) in bytes[16..].chunks_exact_mut(784).enumerate() {
        image[..2].copy_from_slice(&(i as u16).to_be_bytes());
    }
    bytes
}

fn labels(count: usize) -> Vec<u8> {
    let mut bytes = numbers(&[0x801, count as u32]);
    bytes.extend((0..count).map(|i| (i % 10) as u8));
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A set of MNIST's form and size, unpacked, and once more as `.gz` in the folder `packed`.
pub static SET: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("packed")).unwrap();
    let contents = [images(60_000), labels(60_000), images(10_000), labels(10_000)];
    for (name, bytes) in NAMES.iter().zip(contents) {
        fs::write(folder.path().join("packed").join(format!("{name}.gz")), gzip(&bytes)).unwrap();
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
});

/// The set in a folder of its own, without the file `except`.
fn copy(except: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    for name in NAMES.iter().filter(|&&name| name != except) {
        fs::hard_link(SET.path().join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// The error of a set whose file `name` is replaced with `file`.
fn error_with(name: &str, file: &str, bytes: &[u8]) -> MnistError {
    let folder = copy(name);
    fs::write(folder.path().join(file), bytes).unwrap();
    let error = mnist::load(folder.path()).unwrap_err();
    let message = error.to_string();
    assert!(message.contains(file), "the message must name {file}: {message}");
    error
}

#[test]
fn a_set_of_the_form_of_mnist_loads_from_every_place_and_packing() {
    let packed = SET.path().join("packed");
    let mixed = copy(TEST_LABELS);
    let file = "t10k-labels-idx1-ubyte.gz";
    fs::hard_link(packed.join(file), mixed.path().join(file)).unwrap();
    let below = TempDir::new().unwrap();
    fs::create_dir_all(below.path().join("MNIST/raw")).unwrap();
    fs::create_dir(below.path().join("mnist")).unwrap();
    fs::write(below.path().join("mnist").join(TRAIN_IMAGES), "one file alone").unwrap();
    for name in NAMES {
        fs::hard_link(SET.path().join(name), below.path().join("MNIST/raw").join(name)).unwrap();
    }
    for folder in [SET.path(), &packed, mixed.path(), below.path()] {
        let set = mnist::load(folder).unwrap();
        assert_eq!(set.all.name(), "data in the form of MNIST");
        assert_eq!([set.all.len(), set.train.len(), set.test.len()], [70_000, 60_000, 10_000]);
        assert_eq!((set.train.shape(), set.train.classes()), (&[28, 28][..], 10));
        let mut image = [0.0_f64; 784];
        for (data, i, number) in [
            (&set.all, 59_999, 59_999),
            (&set.all, 60_001, 1),
            (&set.train, 59_999, 59_999),
            (&set.test, 9_999, 9_999),
        ] {
            data.read(i, &mut image);
            let [high, low] = [image[0], image[1]].map(|pixel| (pixel * 255.0).round() as usize);
            assert_eq!(256 * high + low, number);
            assert_eq!(data.label(i), number % 10);
        }
        let notice = set.notice.expect("these are not MNIST's checksums");
        assert!(notice.contains(TRAIN_IMAGES), "{notice}");
        assert!(notice.contains(&set.files[0].sha256), "{notice}");
        for (file, name) in set.files.iter().zip(NAMES) {
            assert!(file.path.file_name().unwrap().to_str().unwrap().starts_with(name));
            let bytes = fs::read(SET.path().join(name)).unwrap();
            assert_eq!(file.sha256, known::sha256(&bytes[..]).unwrap());
        }
    }
}

#[test]
fn the_real_set_is_the_real_one() {
    let folder = std::env::var_os(folder::VARIABLE).map(PathBuf::from);
    let Some(folder) = folder.filter(|folder| mnist::locate(folder).is_ok()) else {
        println!("data: none in {}; the other tests used a set of their own", folder::VARIABLE);
        return;
    };
    let set = mnist::load(&folder).unwrap();
    if let Some(notice) = set.notice {
        println!("data: {notice}");
        return;
    }
    println!("data: MNIST in {}", folder.display());
    assert_eq!(set.all.name(), "MNIST");
    let mut counts = [0; 10];
    (0..set.train.len()).for_each(|i| counts[set.train.label(i)] += 1);
    assert_eq!(counts, [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]);
    let mut image = [0.0_f64; 784];
    let mut sum = 0.0;
    for i in 0..set.train.len() {
        set.train.read(i, &mut image);
        sum += image.iter().sum::<f64>();
    }
    assert!((sum / (784.0 * 60_000.0) - 0.1307).abs() < 5e-5);
    assert_eq!(verify(Set::Mnist, &folder), Verdict::Original);
}

#[test]
fn a_set_that_is_not_there_is_said_to_be_missing() {
    let empty = TempDir::new().unwrap();
    let nowhere = empty.path().join("no such folder");
    for folder in [empty.path(), &nowhere] {
        let error = mnist::load(folder).unwrap_err();
        assert!(matches!(&error, MnistError::Missing { missing, .. } if missing == &NAMES));
        assert!(error.to_string().contains(folder.to_str().unwrap()), "{error}");
    }
    let error = mnist::load(copy(TEST_LABELS).path()).unwrap_err();
    assert!(matches!(&error, MnistError::Missing { missing, .. } if missing == &[TEST_LABELS]));
    assert!(error.to_string().contains(TEST_LABELS), "{error}");
}

#[test]
fn damaged_and_foreign_files_are_refused() {
    let images = images(10_000);
    for length in [0, 3, 4, 7, 16, 17, 16 + 784, images.len() - 1] {
        let error = error_with(TEST_IMAGES, TEST_IMAGES, &images[..length]);
        assert!(
            matches!(error, MnistError::Size { expected: 7_840_016, found, .. } if found == length)
        );
        assert!(error.to_string().contains(&format!("found {length}")), "{error}");
    }
    let longer = [&images[..], &[0, 0]].concat();
    let error = error_with(TEST_IMAGES, TEST_IMAGES, &longer);
    assert!(matches!(error, MnistError::Size { found: 7_840_017, .. }));
    assert!(error.to_string().contains("found at least 7840017"), "{error}");
    let error = error_with(TEST_IMAGES, TEST_IMAGES, &labels(10_000));
    assert!(matches!(error, MnistError::Magic { expected: 0x803, found: 0x801, .. }));
    assert!(error.to_string().contains("a file of images that begins with 0x00000803"), "{error}");
    let error = error_with(TRAIN_LABELS, TRAIN_LABELS, b"<!DOCTYPE html><title>Not found");
    assert!(matches!(error, MnistError::Magic { expected: 0x801, found: 0x3c21_444f, .. }));
    assert!(error.to_string().contains("a file of labels"), "{error}");
    let error = error_with(TEST_LABELS, TEST_LABELS, &labels(9_999));
    let MnistError::Header { field: "labels", expected, found, .. } = error else {
        panic!("{error}")
    };
    assert_eq!((expected, found), (10_000, 9_999));
    let mut wide = images.clone();
    wide[15] = 29;
    let error = error_with(TEST_IMAGES, TEST_IMAGES, &wide);
    assert!(matches!(error, MnistError::Header { field: "columns", expected: 28, found: 29, .. }));
    let mut eleven = labels(10_000);
    eleven[8 + 4_321] = 10;
    let error = error_with(TEST_LABELS, TEST_LABELS, &eleven);
    assert!(matches!(error, MnistError::Label { sample: 4_321, label: 10, .. }));
}

#[test]
fn damaged_gzip_files_are_refused() {
    let file = "t10k-labels-idx1-ubyte.gz";
    let packed = gzip(&labels(10_000));
    for length in [0, 1, 9, 30, packed.len() - 9, packed.len() - 1] {
        let error = error_with(TEST_LABELS, file, &packed[..length]);
        assert!(matches!(error, MnistError::Gzip { .. }), "cut at {length}: {error}");
    }
    // The last eight bytes are the checksum and the length of what was packed.
    let mut damaged = packed.clone();
    damaged[packed.len() - 6] ^= 1;
    assert!(matches!(error_with(TEST_LABELS, file, &damaged), MnistError::Gzip { .. }));
    let error = error_with(TEST_LABELS, file, &labels(10_000));
    assert!(matches!(error, MnistError::Gzip { .. }), "{error}");
    // Of a small file that unpacks to a large one, one byte too many is read and no more.
    let error = error_with(TEST_LABELS, file, &gzip(&numbers(&[0x801, 10_000]).repeat(1 << 20)));
    assert!(matches!(error, MnistError::Size { expected: 10_008, found: 10_009, .. }), "{error}");
}

#[test]
fn a_gzip_of_several_members_is_read() {
    let file = "t10k-labels-idx1-ubyte.gz";
    let labels = labels(10_000);
    let (head, tail) = labels.split_at(4_321);
    let folder = copy(TEST_LABELS);
    let members = [gzip(head), gzip(b""), gzip(tail)].concat();
    fs::write(folder.path().join(file), &members).unwrap();
    let set = mnist::load(folder.path()).unwrap();
    assert_eq!(set.files[3].sha256, known::sha256(&labels[..]).unwrap());
    // Behind the last member nothing else may stand.
    let error = error_with(TEST_LABELS, file, &[&members[..], b"and more"].concat());
    assert!(matches!(error, MnistError::Gzip { .. }), "{error}");
}

#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused_and_not_opened() {
    let folder = copy(TEST_LABELS);
    let path = folder.path().join(TEST_LABELS);
    for device in [None, Some("/dev/zero"), Some("/dev/null")] {
        match device {
            None => make_pipe(&path),
            Some(device) => std::os::unix::fs::symlink(device, &path).unwrap(),
        }
        let error = mnist::load(folder.path()).unwrap_err();
        assert!(matches!(&error, MnistError::Read { path: named, .. } if *named == path));
        assert!(error.to_string().contains("no regular file"), "{error}");
        assert!(matches!(verify(Set::Mnist, folder.path()), Verdict::Damaged(_)));
        fs::remove_file(&path).unwrap();
    }
}

#[cfg(unix)]
fn make_pipe(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A folder that nobody can look into, not even root: a link to itself.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_looked_into_is_not_said_to_be_empty() {
    let folder = TempDir::new().unwrap();
    std::os::unix::fs::symlink("mnist", folder.path().join("mnist")).unwrap();
    let error = mnist::load(folder.path()).unwrap_err();
    assert!(matches!(&error, MnistError::Folder { .. }), "{error:?}");
    let text = folder.path().join("mnist").display().to_string();
    assert!(error.to_string().starts_with(&format!("{text}: cannot be looked into")), "{error}");
    let Verdict::Damaged(found) = verify(Set::Mnist, folder.path()) else { panic!("not missing") };
    assert_eq!((found.len(), &found[0].sha256), (4, &None));
    assert_eq!(inventory(&[folder.path()])[..4], found);
    // A file where the folder should be has nothing in it.
    fs::remove_file(folder.path().join("mnist")).unwrap();
    fs::write(folder.path().join("mnist"), "").unwrap();
    let error = mnist::load(folder.path()).unwrap_err();
    assert!(matches!(&error, MnistError::Missing { .. }), "{error:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a file has in it is judged, and nothing panics.
    #[test]
    fn cut_flipped_and_foreign_files_are_judged(
        foreign in prop::option::of(prop::collection::vec(any::<u8>(), 0..300)),
        packed: bool,
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1_u8..), 0..4),
        kept in 0.0..1.5_f64,
    ) {
        let sound = labels(10_000);
        let mut bytes = if packed { gzip(&sound) } else { sound.clone() };
        bytes = foreign.unwrap_or(bytes);
        for (at, flip) in flips {
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] ^= flip;
            }
        }
        bytes.truncate((kept * bytes.len() as f64) as usize);
        let folder = TempDir::new().unwrap();
        let name = if packed { "t10k-labels-idx1-ubyte.gz" } else { TEST_LABELS };
        fs::write(folder.path().join(name), &bytes).unwrap();
        let found = inventory(&[folder.path()]);
        prop_assert_eq!(found.len(), 1);
        let mut unpacked = Vec::new();
        let read = match packed {
            true => flate2::read::MultiGzDecoder::new(&bytes[..]).read_to_end(&mut unpacked),
            false => bytes.as_slice().read_to_end(&mut unpacked),
        };
        let whole = read.is_ok() && unpacked.len() == sound.len() && unpacked[..8] == sound[..8];
        let expected = whole && unpacked[8..].iter().all(|&label| label < 10);
        prop_assert_eq!(found[0].status == Status::Other, expected);
        prop_assert_eq!(matches!(found[0].status, Status::Damaged(_)), !expected);
    }
}

#[test]
fn a_folder_in_place_of_a_file_is_refused() {
    let folder = copy(TEST_LABELS);
    fs::create_dir(folder.path().join(TEST_LABELS)).unwrap();
    let error = mnist::load(folder.path()).unwrap_err();
    assert!(matches!(&error, MnistError::Read { path, .. } if path.ends_with(TEST_LABELS)));
}

proptest! {
    /// What the check lets through has the header and the length that the decoder insists on.
    #[test]
    fn the_check_lets_no_damaged_header_through(
        flips in prop::collection::vec((0_usize..16, 1_u8..), 0..3),
        length in 0_usize..4000,
        whole: bool,
    ) {
        let sound = images(5);
        let mut bytes = sound.clone();
        for (at, flip) in flips {
            bytes[at] ^= flip;
        }
        if !whole {
            bytes.resize(length, 0);
        }
        let passed = mnist::check(Path::new("images"), &bytes, Content::Images, 5).is_ok();
        prop_assert_eq!(passed, bytes.len() == sound.len() && bytes[..16] == sound[..16]);
    }

    #[test]
    fn the_check_lets_no_damaged_label_through(at in 0_usize..13, value: u8, spare in 0_usize..3) {
        let sound = labels(5);
        let mut bytes = sound.clone();
        bytes[at] = value;
        bytes.resize(12 + spare, 7);
        let passed = mnist::check(Path::new("labels"), &bytes, Content::Labels, 5).is_ok();
        let header = bytes[..8] == sound[..8];
        let expected = header && bytes.len() == 13 && bytes[8..].iter().all(|&label| label < 10);
        prop_assert_eq!(passed, expected);
    }
}

#[test]
fn the_inventory_tells_originals_others_and_damaged_files_apart() {
    let folder = copy(TEST_LABELS);
    fs::write(folder.path().join(TEST_LABELS), "damaged").unwrap();
    fs::write(folder.path().join("cifar-10-binary.tar.gz"), "abc").unwrap();
    let found = inventory(&[folder.path(), Path::new("no such folder")]);
    assert_eq!(found.len(), 5);
    assert!(found[..3].iter().all(|found| found.status == Status::Other));
    let bytes = fs::read(SET.path().join(TRAIN_IMAGES)).unwrap();
    assert_eq!(found[0].sha256, Some(known::sha256(&bytes[..]).unwrap()));
    assert_eq!(found[0].path, folder.path().join(TRAIN_IMAGES));
    assert!(matches!(&found[3].status, Status::Damaged(why) if why.contains(TEST_LABELS)));
    assert_eq!(found[3].sha256, None);
    assert_eq!((found[4].set, &found[4].status), (Set::Cifar10, &Status::Unopened));
    // The published example of SHA-256.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(found[4].sha256.as_deref(), Some(abc));
    assert_eq!(verify(Set::Mnist, folder.path()), Verdict::Damaged(vec![found[3].clone()]));
    let Verdict::Damaged(files) = verify(Set::Cifar10, folder.path()) else { panic!("no gzip") };
    assert_eq!((files.len(), &files[0].path), (1, &found[4].path));
    fs::remove_file(folder.path().join(TEST_LABELS)).unwrap();
    let missing = Verdict::Missing(vec!["t10k-labels-idx1-ubyte.gz"]);
    assert_eq!(verify(Set::Mnist, folder.path()), missing);
    let all = Set::Mnist.files().iter().map(|file| file.name).collect();
    assert_eq!(verify(Set::Mnist, Path::new("no such folder")), Verdict::Missing(all));
}

#[test]
fn the_folder_is_the_named_one_then_the_variable_then_the_platforms() {
    let (named, variable) = (Some(Path::new("named")), Some(OsStr::new("variable")));
    let platform = || Some(PathBuf::from("platform"));
    assert_eq!(folder::choose(named, variable, platform), Ok("named".into()));
    assert_eq!(folder::choose(None, variable, platform), Ok("variable".into()));
    assert_eq!(folder::choose(None, Some(OsStr::new("")), platform), Ok("platform".into()));
    assert_eq!(folder::choose(None, None, platform), Ok("platform".into()));
    assert_eq!(folder::choose(None, None, || None), Err(NoFolder));
    assert!(NoFolder.to_string().contains("CHAINRULE_DATA"));
    assert!(folder::platform().is_none_or(|path| path.ends_with("chainrule")));
}

#[cfg(feature = "fetch")]
mod download {
    use super::*;
    use chainrule::data::fetch::{FetchError, Fetched, fetch, fetch_files};
    use chainrule::data::known::{Checked, KnownFile};
    use std::io::{BufRead, BufReader};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, channel};
    use std::thread;

    const NAME: &str = "numbers.gz";

    fn content() -> Vec<u8> {
        // Numbers without a pattern, so that they stay long when packed.
        let next = |x: &u32| Some(x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let sequence = std::iter::successors(Some(29_u32), next);
        gzip(&sequence.take(100_000).map(|x| (x >> 24) as u8).collect::<Vec<_>>())
    }

    /// A small set: one file, known by its unpacked bytes.
    fn file() -> KnownFile {
        let content = content();
        let sha256 = known::sha256(flate2::read::GzDecoder::new(&content[..])).unwrap();
        let sha256 = sha256.leak();
        KnownFile { name: NAME, checked: Checked::Unpacked, size: 100_000, sha256 }
    }

    /// A request: its path, and the first byte that it asks for.
    #[derive(Clone, Debug, PartialEq)]
    struct Request {
        path: String,
        from: Option<usize>,
    }

    /// A server on this machine, which tells of every request.
    struct Server {
        address: String,
        requests: Receiver<Request>,
    }

    impl Server {
        /// `answer` gives the bytes to send, head and all. The connection is closed behind them.
        fn new(answer: impl Fn(&Request) -> Vec<u8> + Send + 'static) -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let (tell, requests) = channel();
            thread::spawn(move || {
                for stream in listener.incoming() {
                    let mut stream = stream.unwrap();
                    let request = read_request(&stream);
                    let answer = answer(&request);
                    // A test that ends early listens no longer, nor does its client.
                    let _ = tell.send(request);
                    let _ = stream.write_all(&answer);
                }
            });
            Self { address, requests }
        }

        fn fetch(&self, folder: &Path) -> Result<Vec<Fetched>, FetchError> {
            fetch_files(&[file()], folder, &[&self.address], |_| {})
        }

        fn requests(&self) -> Vec<Request> {
            self.requests.try_iter().collect()
        }
    }

    fn read_request(stream: &TcpStream) -> Request {
        let lines: Vec<String> = BufReader::new(stream)
            .lines()
            .map(|line| line.unwrap())
            .take_while(|line| !line.is_empty())
            .collect();
        let path = lines[0].split(' ').nth(1).unwrap().to_owned();
        let from = lines.iter().find_map(|line| {
            let line = line.to_lowercase();
            line.strip_prefix("range: bytes=")?.strip_suffix('-')?.parse().ok()
        });
        Request { path, from }
    }

    fn answer(status: &str, headers: &str, length: usize, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        [head.as_bytes(), body].concat()
    }

    fn whole() -> Vec<u8> {
        answer("200 OK", "", content().len(), &content())
    }

    fn rest(from: usize) -> Vec<u8> {
        let content = content();
        let (length, last) = (content.len(), content.len() - 1);
        let range = format!("Content-Range: bytes {from}-{last}/{length}\r\n");
        answer("206 Partial Content", &range, length - from, &content[from..])
    }

    fn not_found() -> Vec<u8> {
        answer("404 Not Found", "", 9, b"not found")
    }

    /// Serves the file, and the rest of it where asked.
    fn good(request: &Request) -> Vec<u8> {
        request.from.map_or_else(whole, rest)
    }

    fn part(folder: &Path) -> PathBuf {
        folder.join(format!("{NAME}.part"))
    }

    /// Asserts that the file is there, whole, and nothing else.
    fn assert_whole(folder: &Path) {
        assert_eq!(fs::read(folder.join(NAME)).unwrap(), content());
        assert_eq!(fs::read_dir(folder).unwrap().count(), 1, "no partial file is left");
    }

    #[test]
    fn a_whole_file_arrives_once() {
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        let target = folder.path().join("new/folders");
        let mut steps = Vec::new();
        let mirror = format!("{}/", server.address);
        let fetched = fetch_files(&[file()], &target, &[&mirror], |progress| {
            assert!(!target.join(NAME).exists(), "no half-written file under the name");
            assert_eq!(progress.file, NAME);
            assert_eq!(progress.total, Some(content().len() as u64));
            steps.push(progress.done);
        })
        .unwrap();
        assert_whole(&target);
        assert_eq!(steps[0], 0);
        assert!(steps.is_sorted());
        assert_eq!(steps.last(), Some(&(content().len() as u64)));
        let url = format!("{}/{NAME}", server.address);
        assert_eq!(fetched, [Fetched { path: target.join(NAME), from: Some(url) }]);
        assert_eq!(server.requests(), [Request { path: format!("/{NAME}"), from: None }]);
        // What is at hand is verified and left.
        let fetched = server.fetch(&target).unwrap();
        assert_eq!(fetched, [Fetched { path: target.join(NAME), from: None }]);
        assert_eq!(server.requests(), []);
    }

    #[test]
    fn an_unpacked_file_at_hand_is_verified_and_left() {
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        let unpacked = folder.path().join("numbers");
        let content = content();
        let mut decoder = flate2::read::GzDecoder::new(&content[..]);
        std::io::copy(&mut decoder, &mut fs::File::create(&unpacked).unwrap()).unwrap();
        let fetched = server.fetch(folder.path()).unwrap();
        assert_eq!(fetched, [Fetched { path: unpacked, from: None }]);
        assert_eq!(server.requests(), []);
    }

    #[test]
    fn a_cut_download_is_kept_and_goes_on() {
        let server = Server::new(|request| match request.from {
            None => answer("200 OK", "", content().len(), &content()[..60_000]),
            Some(from) => rest(from),
        });
        let folder = TempDir::new().unwrap();
        let error = server.fetch(folder.path()).unwrap_err();
        let length = content().len() as u64;
        let FetchError::Cut { done: 60_000, total, .. } = error else { panic!("{error}") };
        assert_eq!(total, Some(length));
        let message = error.to_string();
        assert!(message.contains(&format!("cut off after 60000 of {length} bytes")), "{message}");
        assert!(message.contains("goes on from there"), "{message}");
        assert!(!folder.path().join(NAME).exists());
        assert_eq!(fs::read(part(folder.path())).unwrap(), &content()[..60_000]);
        let mut steps = Vec::new();
        fetch_files(&[file()], folder.path(), &[&server.address], |progress| {
            assert_eq!(progress.total, Some(length));
            steps.push(progress.done);
        })
        .unwrap();
        assert_whole(folder.path());
        assert_eq!((steps[0], steps[steps.len() - 1]), (60_000, length));
        let from: Vec<_> = server.requests().into_iter().map(|request| request.from).collect();
        assert_eq!(from, [None, Some(60_000)]);
    }

    #[test]
    fn a_download_cut_at_one_mirror_goes_on_at_the_next() {
        let cutting = Server::new(|_| answer("200 OK", "", content().len(), &content()[..10_000]));
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        let mirrors = [&cutting.address[..], &server.address];
        let fetched = fetch_files(&[file()], folder.path(), &mirrors, |_| {}).unwrap();
        assert_eq!(fetched[0].from, Some(format!("{}/{NAME}", server.address)));
        assert_eq!(server.requests()[0].from, Some(10_000));
        assert_whole(folder.path());
    }

    #[test]
    fn a_wrong_checksum_deletes_the_download() {
        for body in [gzip(b"another file"), b"no gzip at all".to_vec()] {
            let server = Server::new(move |_| answer("200 OK", "", body.len(), &body));
            let folder = TempDir::new().unwrap();
            let error = server.fetch(folder.path()).unwrap_err();
            assert!(matches!(&error, FetchError::Checksum { .. }), "{error}");
            assert!(error.to_string().contains(file().sha256), "{error}");
            assert!(error.to_string().contains("deleted"), "{error}");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_missing_file_is_looked_for_at_the_next_mirror() {
        let (without, with) = (Server::new(|_| not_found()), Server::new(good));
        let folder = TempDir::new().unwrap();
        let error = without.fetch(folder.path()).unwrap_err();
        assert!(matches!(&error, FetchError::Status { status, .. } if status.as_u16() == 404));
        let twice = [&without.address[..]; 2];
        let error = fetch_files(&[file()], folder.path(), &twice, |_| {}).unwrap_err();
        assert!(matches!(&error, FetchError::Mirrors { failures, .. } if failures.len() == 2));
        assert!(error.to_string().contains("404 Not Found"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mirrors = [&without.address[..], &with.address];
        fetch_files(&[file()], folder.path(), &mirrors, |_| {}).unwrap();
        assert_whole(folder.path());
    }

    #[test]
    fn a_redirect_is_followed_with_its_range() {
        let server = Server::new(|request| match request.path.strip_prefix("/moved/") {
            Some(_) => good(request),
            None => answer("302 Found", &format!("Location: /moved/{NAME}\r\n"), 0, &[]),
        });
        let folder = TempDir::new().unwrap();
        fs::write(part(folder.path()), &content()[..5_000]).unwrap();
        server.fetch(folder.path()).unwrap();
        assert_whole(folder.path());
        let moved = Request { path: format!("/moved/{NAME}"), from: Some(5_000) };
        assert_eq!(server.requests()[1], moved);
    }

    #[test]
    fn a_server_that_ignores_ranges_sends_the_whole_file_again() {
        let server = Server::new(|_| whole());
        let folder = TempDir::new().unwrap();
        fs::write(part(folder.path()), vec![7; 2 * content().len()]).unwrap();
        server.fetch(folder.path()).unwrap();
        assert_whole(folder.path());
        assert_eq!(server.requests().len(), 1);
    }

    #[test]
    fn a_partial_file_that_cannot_go_on_is_begun_anew() {
        let behind_the_end = |request: &Request| match request.from {
            None => whole(),
            Some(_) => answer("416 Range Not Satisfiable", "", 0, &[]),
        };
        let elsewhere = |request: &Request| match request.from {
            None => whole(),
            Some(from) => rest(from + 1),
        };
        for server in [Server::new(behind_the_end), Server::new(elsewhere)] {
            let folder = TempDir::new().unwrap();
            fs::write(part(folder.path()), vec![7; 1_000]).unwrap();
            server.fetch(folder.path()).unwrap();
            assert_whole(folder.path());
            let from: Vec<_> = server.requests().into_iter().map(|request| request.from).collect();
            assert_eq!(from, [Some(1_000), None]);
        }
    }

    #[test]
    fn a_whole_partial_file_needs_no_mirror() {
        let server = Server::new(|_| not_found());
        let folder = TempDir::new().unwrap();
        fs::write(part(folder.path()), content()).unwrap();
        server.fetch(folder.path()).unwrap();
        assert_whole(folder.path());
        assert_eq!(server.requests(), []);
    }

    #[test]
    fn another_file_under_the_name_is_left_as_it_is() {
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(NAME), gzip(b"mine")).unwrap();
        let error = server.fetch(folder.path()).unwrap_err();
        let mine = known::sha256(&b"mine"[..]).unwrap();
        assert!(matches!(&error, FetchError::Occupied { found, .. } if *found == mine), "{error}");
        assert_eq!(fs::read(folder.path().join(NAME)).unwrap(), gzip(b"mine"));
        assert_eq!(server.requests(), []);
    }

    /// A disk that is full for this process: no file of it may be longer than some kilobytes.
    #[test]
    #[cfg(all(unix, feature = "cli"))]
    fn a_full_disk_is_told_from_other_errors() {
        let server = Server::new(|_| whole());
        let folder = TempDir::new().unwrap();
        let script = "trap '' XFSZ; ulimit -f 20; exec \"$0\" \"$@\"";
        let output = std::process::Command::new("sh")
            .args(["-c", script, env!("CARGO_BIN_EXE_chainrule"), "data", "fetch", "mnist"])
            .args(["--mirror", &server.address, "--data-dir"])
            .arg(folder.path())
            .output()
            .unwrap();
        crate::process::assert_failure(&output, &["no room", ".part", "goes on from there"]);
        assert_eq!(server.requests().len(), 1);
        let part = folder.path().join("mnist").join("train-images-idx3-ubyte.gz.part");
        assert!((1..content().len() as u64).contains(&part.metadata().unwrap().len()));
    }

    /// What a mirror sends that never ends, by any of the ways to send it.
    #[test]
    fn a_mirror_that_never_ends_is_cut_off() {
        let heads = [
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", 0),
            ("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", 0),
            ("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 900-/*\r\n\r\n", 900),
        ];
        for (head, begun) in heads {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let sender = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                read_request(&stream);
                stream.write_all(head.as_bytes()).unwrap();
                // Until the other side hangs up, but no test may fill the disk.
                (0..2_000).take_while(|_| stream.write_all(&[7; 1 << 16]).is_ok()).count()
            });
            let folder = TempDir::new().unwrap();
            if begun > 0 {
                fs::write(part(folder.path()), vec![7; begun]).unwrap();
            }
            let mut most = 0;
            let error = fetch_files(&[file()], folder.path(), &[&address], |progress| {
                most = most.max(progress.done);
            })
            .unwrap_err();
            let limit = file().limit();
            assert!(matches!(&error, FetchError::TooLong { limit: at, .. } if *at == limit));
            assert!(error.to_string().contains(&format!("longer than the {limit} bytes")));
            assert!(most <= limit, "{most} bytes were written");
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");
            assert!(sender.join().unwrap() < 2_000, "the mirror was not cut off");
        }
        assert!(known::MNIST.iter().all(|file| file.limit() < file.size + file.size / 50 + 1_001));
        assert_eq!(known::CIFAR10[0].limit(), 170_052_171);
    }

    #[test]
    #[cfg(unix)]
    fn a_partial_file_that_is_a_pipe_or_a_device_is_refused() {
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        for device in [None, Some("/dev/null"), Some("/dev/zero")] {
            match device {
                None => make_pipe(&part(folder.path())),
                Some(device) => std::os::unix::fs::symlink(device, part(folder.path())).unwrap(),
            }
            let error = server.fetch(folder.path()).unwrap_err();
            assert!(matches!(&error, FetchError::Unwritable { .. }), "{error:?}");
            assert!(error.to_string().contains("no regular file"), "{error}");
            fs::remove_file(part(folder.path())).unwrap();
        }
        assert_eq!(server.requests(), []);
    }

    #[test]
    fn a_packed_file_of_several_members_is_whole() {
        let mut numbers = Vec::new();
        let content = content();
        flate2::read::GzDecoder::new(&content[..]).read_to_end(&mut numbers).unwrap();
        let members = [gzip(&numbers[..70_000]), gzip(&numbers[70_000..])].concat();
        let server = Server::new(move |_| answer("200 OK", "", members.len(), &members));
        let folder = TempDir::new().unwrap();
        server.fetch(folder.path()).unwrap();
        assert_eq!(server.fetch(folder.path()).unwrap()[0].from, None);
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_named() {
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        let in_the_way = folder.path().join("a file");
        fs::write(&in_the_way, "").unwrap();
        let error = server.fetch(&in_the_way.join("data")).unwrap_err();
        assert!(matches!(&error, FetchError::Unwritable { .. }), "{error:?}");
        assert!(error.to_string().contains("a file"), "{error}");
        // A folder where the partial file is to be.
        fs::create_dir(part(folder.path())).unwrap();
        let error = server.fetch(folder.path()).unwrap_err();
        assert!(matches!(&error, FetchError::Unwritable { .. }), "{error:?}");
    }

    #[test]
    fn a_mirror_without_an_answer_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let folder = TempDir::new().unwrap();
        for mirror in [&address[..], "no address"] {
            let error = fetch_files(&[file()], folder.path(), &[mirror], |_| {}).unwrap_err();
            assert!(matches!(&error, FetchError::Connection { .. }), "{error:?}");
            assert!(error.to_string().contains(mirror), "{error}");
        }
    }

    #[test]
    fn a_set_is_asked_for_at_the_mirror_that_is_named() {
        let server = Server::new(|_| not_found());
        let folder = TempDir::new().unwrap();
        for (set, path) in
            [(Set::Mnist, "/train-images-idx3-ubyte.gz"), (Set::Cifar10, "/cifar-10-binary.tar.gz")]
        {
            let error = fetch(set, folder.path(), Some(&server.address), |_| {}).unwrap_err();
            assert!(matches!(&error, FetchError::Status { .. }), "{error}");
            assert_eq!(server.requests(), [Request { path: path.into(), from: None }]);
        }
        assert!(folder.path().join("mnist").is_dir());
    }

    /// CIFAR-10's archive is known by its own bytes, not by what it unpacks to.
    #[test]
    fn an_archive_is_known_as_it_is() {
        let content = content();
        let sha256 = known::sha256(&content[..]).unwrap().leak();
        let file =
            KnownFile { name: NAME, checked: Checked::File, size: content.len() as u64, sha256 };
        let server = Server::new(good);
        let folder = TempDir::new().unwrap();
        fs::write(part(folder.path()), &content[..60_000]).unwrap();
        fetch_files(&[file], folder.path(), &[&server.address], |_| {}).unwrap();
        assert_whole(folder.path());
        assert_eq!(server.requests()[0].from, Some(60_000));
        // CIFAR-10's own checksum refuses another archive.
        let error = fetch(Set::Cifar10, folder.path(), Some(&server.address), |_| {}).unwrap_err();
        assert!(matches!(&error, FetchError::Checksum { .. }), "{error}");
        assert!(error.to_string().contains(known::CIFAR10[0].sha256), "{error}");
        assert_whole(folder.path());
    }

    #[test]
    fn the_real_set_comes_over_the_wire_and_loads() {
        let real = std::env::var_os(folder::VARIABLE).map(PathBuf::from);
        let Some(real) = real.filter(|real| verify(Set::Mnist, real) == Verdict::Original) else {
            println!("data: no MNIST in {}: nothing to serve", folder::VARIABLE);
            return;
        };
        println!("data: MNIST in {}", real.display());
        let files = mnist::locate(&real).unwrap();
        let server = Server::new(move |request| {
            let name = request.path.trim_start_matches('/').trim_end_matches(".gz");
            let file = files.iter().find(|file| file.to_str().unwrap().contains(name)).unwrap();
            let bytes = fs::read(file).unwrap();
            let packed = file.extension().is_some_and(|extension| extension == "gz");
            let bytes = if packed { bytes } else { gzip(&bytes) };
            answer("200 OK", "", bytes.len(), &bytes)
        });
        let folder = TempDir::new().unwrap();
        let fetched = fetch(Set::Mnist, folder.path(), Some(&server.address), |_| {}).unwrap();
        assert!(fetched.iter().all(|fetched| fetched.from.is_some()));
        assert_eq!((fetched.len(), server.requests().len()), (4, 4));
        assert_eq!(mnist::load(folder.path()).unwrap().notice, None);
        let again = fetch(Set::Mnist, folder.path(), Some(&server.address), |_| {}).unwrap();
        assert!(again.iter().all(|fetched| fetched.from.is_none()));
        assert_eq!(server.requests(), []);
    }
}
