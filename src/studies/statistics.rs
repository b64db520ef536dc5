//! Intervals: how far apart two settings are, given that seeds differ.
