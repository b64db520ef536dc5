//! A chapter is one name in every folder: `chapters/05-matmul.md`, `src/matmul.rs`,
//! `tests/matmul.rs`, `notebooks/05-matmul.ipynb` and `exercises/exercises/05_matmul`.

/// A chapter, by the name of its file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Its number.
    pub number: u32,
    /// Its name, such as `matmul`.
    pub name: String,
    stem: String,
}

impl Chapter {
    /// The chapter of a file such as `05-matmul.md`, or `None` where the file is no chapter.
    pub fn of_file(file: &str) -> Option<Self> {
        let stem = file.rsplit('/').next()?.strip_suffix(".md")?;
        let (number, name) = stem.split_once('-')?;
        Some(Self { number: number.parse().ok()?, name: name.to_owned(), stem: stem.to_owned() })
    }

    /// Its derivation and its code.
    pub fn source(&self) -> String {
        format!("src/{}.rs", self.module())
    }

    /// The tests of its equations.
    pub fn tests(&self) -> String {
        format!("tests/{}.rs", self.module())
    }

    /// Its experiments.
    pub fn notebook(&self) -> String {
        format!("notebooks/{}.ipynb", self.stem)
    }

    /// The folder of its exercises, such as `05_matmul`.
    pub fn exercises(&self) -> String {
        self.stem.replace('-', "_")
    }

    fn module(&self) -> String {
        self.name.replace('-', "_")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chapter_is_known_by_its_file() {
        let chapter = Chapter::of_file("chapters/05-matmul.md").unwrap();
        assert_eq!((chapter.number, chapter.name.as_str()), (5, "matmul"));
        assert_eq!(chapter.tests(), "tests/matmul.rs");
        assert_eq!(chapter.notebook(), "notebooks/05-matmul.ipynb");
        assert_eq!(chapter.exercises(), "05_matmul");
        assert_eq!(Chapter::of_file("chapters/index.md"), None);
        assert_eq!(Chapter::of_file("chapters/b-glossary.md"), None);
    }
}
