//! Labels in the IDX format.
#![no_main]

use chainrule_fuzz::judge;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    judge::idx(bytes);
});
