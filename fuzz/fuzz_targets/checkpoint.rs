//! Checkpoints, as they are and with a checksum that fits.
#![no_main]

use chainrule_fuzz::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge::training(bytes);
});
