//! Two sets as one. Chapter 11.

use super::{Dataset, DatasetError, Inputs};

impl Dataset {
    /// The samples of `self` and then those of `other`, such as all 70,000 of MNIST, to be split anew. The
    /// classes keep the names that they have in `self`.
    ///
    /// ```
    /// use chainrule::data::{digits, split};
    ///
    /// let [train, test] = [digits::draw(600, 1), digits::draw(100, 2)];
    /// let all = train.join(&test, "all digits")?;
    /// let [train, validation, test] = split::by_shares(&all, [50, 5, 15], 29)?;
    /// assert_eq!([train.len(), validation.len(), test.len()], [500, 50, 150]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// What is trained on such a mixture has seen test images of the set: its score is none of that set's.
    ///
    /// # Errors
    /// [`DatasetError::Join`] where shape, number of classes or kind of entries differ, and
    /// [`DatasetError::Empty`] where both are selections of none.
    pub fn join(&self, other: &Self, name: impl Into<String>) -> Result<Self, DatasetError> {
        let (one, two) = (&self.source.inputs, &other.source.inputs);
        let are_alike = self.shape() == other.shape()
            && self.classes() == other.classes()
            && self.class_names == other.class_names;
        let features = self.features();
        let inputs = match (one, two) {
            (Inputs::Bytes(one), Inputs::Bytes(two)) if are_alike => {
                let parts = [(&one[..], self), (two, other)];
                Inputs::Bytes(parts.iter().flat_map(|it| it.1.entries(it.0, features)).collect())
            }
            (Inputs::Reals(one), Inputs::Reals(two)) if are_alike => {
                let parts = [(&one[..], self), (two, other)];
                Inputs::Reals(parts.iter().flat_map(|it| it.1.entries(it.0, features)).collect())
            }
            _ => {
                let [one, two] = [self, other].map(Self::kind);
                return Err(DatasetError::Join { one, two });
            }
        };
        let labels = [self, other].iter().flat_map(|it| it.entries(&it.source.labels, 1)).collect();
        let joined = Self::build(name.into(), self.shape(), self.classes(), inputs, labels)?;
        Ok(joined.name_classes(self.class_names))
    }

    /// Of a source's entries, so many a sample, those of the samples of `self`.
    fn entries<T: Copy>(&self, source: &[T], width: usize) -> impl Iterator<Item = T> {
        self.samples.iter().flat_map(move |&sample| &source[sample * width..][..width]).copied()
    }

    /// What two sets that are joined must have in common, in words.
    fn kind(&self) -> String {
        let entries = match self.source.inputs {
            Inputs::Bytes(_) => "bytes",
            Inputs::Reals(_) => "reals",
        };
        let (shape, classes, names) = (self.shape(), self.classes(), self.class_names);
        let names = if names.is_empty() { String::new() } else { format!(" {names:?}") };
        format!("{} has {entries} of shape {shape:?} in {classes} classes{names}", self.name())
    }
}
