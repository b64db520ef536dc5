//! The solutions of the exercises, as the chapters quote them: a module a chapter.

mod elementwise;
