//! What a checkpoint says of its training, behind a checksum that fits.
#![no_main]

use chainrule_fuzz::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    str::from_utf8(bytes).is_ok_and(judge::training_account);
});
