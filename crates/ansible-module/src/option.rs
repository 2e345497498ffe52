//! The declaration of a module's options: the one place where an option stands.
//!
//! A table of `const` values, not a derive: the same rows are read at run time by the coercion
//! and by the command line, and at build time by the generators of stubs and tables. A derive
//! would tie the row to one struct field, and a struct field cannot accept what Ansible sends
//! (`"101"`, `"yes"`, `"a,b"`) for an integer, a boolean or a list.

/// The kind of an option, as in `type:` of an Ansible argument spec.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `str`.
    Str,
    /// `int`, 64 bits.
    Int,
    /// `float`.
    Float,
    /// `bool`.
    Bool,
    /// `path`: `~` and `$VARIABLE` are expanded where the module runs.
    Path,
    /// `raw`: any value, as it came.
    Raw,
    /// `dict` with these sub-options; none: any keys.
    Dict(&'static [OptionSpec]),
    /// `list` whose elements are of this kind.
    List(&'static Self),
}

impl Kind {
    /// The sub-options of a dict or of a list of dicts; empty for every other kind, and for a dict
    /// with any keys.
    pub const fn suboptions(self) -> &'static [OptionSpec] {
        match self {
            Self::Dict(options) | Self::List(&Self::Dict(options)) => options,
            _ => &[],
        }
    }
}

/// The default of an option.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Default {
    /// No default: an option left out is absent.
    None,
    /// A text.
    Str(&'static str),
    /// A whole number.
    Int(i64),
    /// A boolean.
    Bool(bool),
    /// A list of texts.
    List(&'static [&'static str]),
}

/// One option of a module.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionSpec {
    /// Its name in a task; the command line writes `_` as `-`.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// Sentences for a reader, in Ansible's markup (`O(state=present)`, `V(zstd)`, `C(vzdump)`).
    pub description: &'static [&'static str],
    /// Whether the option must be given.
    pub required: bool,
    /// What an option left out is.
    pub default: Default,
    /// Other names of it.
    pub aliases: &'static [&'static str],
    /// The values it may have; none: any. Of a list: the values its elements may have.
    pub choices: &'static [&'static str],
    /// Whether its value is a secret.
    pub no_log: bool,
    /// Environment variables that stand in when it is not given, the first that is set wins.
    pub environment: &'static [&'static str],
    /// The version of the collection it came with.
    pub version_added: &'static str,
    /// That it will go away.
    pub deprecated: Option<Deprecated>,
}

/// That an option will go away, as `deprecated:` of an option's documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deprecated {
    /// The version of the collection without it.
    pub removed_in: &'static str,
    /// The collection whose version that is: `namespace.name`.
    pub collection: &'static str,
    /// Why it goes.
    pub why: &'static str,
    /// What to use instead.
    pub alternative: &'static str,
}

impl OptionSpec {
    /// An optional option without a default.
    pub const fn new(name: &'static str, kind: Kind, description: &'static [&'static str]) -> Self {
        Self {
            name,
            kind,
            description,
            required: false,
            default: Default::None,
            aliases: &[],
            choices: &[],
            no_log: false,
            environment: &[],
            version_added: "0.1.0",
            deprecated: None,
        }
    }

    /// Must be given.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// What it is when left out.
    #[must_use]
    pub const fn default(mut self, default: Default) -> Self {
        self.default = default;
        self
    }

    /// Other names.
    #[must_use]
    pub const fn aliases(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// The values it may have.
    #[must_use]
    pub const fn choices(mut self, choices: &'static [&'static str]) -> Self {
        self.choices = choices;
        self
    }

    /// A secret: masked in everything that leaves the program.
    #[must_use]
    pub const fn no_log(mut self) -> Self {
        self.no_log = true;
        self
    }

    /// Environment variables that stand in for it.
    #[must_use]
    pub const fn environment(mut self, names: &'static [&'static str]) -> Self {
        self.environment = names;
        self
    }

    /// The version of the collection it came with.
    #[must_use]
    pub const fn version_added(mut self, version: &'static str) -> Self {
        self.version_added = version;
        self
    }

    /// It will go away: using it is told to the operator.
    #[must_use]
    pub const fn deprecated(mut self, deprecated: Deprecated) -> Self {
        self.deprecated = Some(deprecated);
        self
    }
}

/// Options that belong together under one heading of the help text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OptionGroup {
    /// The heading.
    pub title: &'static str,
    /// The options.
    pub options: &'static [OptionSpec],
}

/// `required_if` of an argument spec: when `option` has the value, the others are needed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RequiredIf {
    /// The option that decides.
    pub option: &'static str,
    /// The value it has, as text (`present`, `True`).
    pub value: Default,
    /// What is needed then.
    pub required: &'static [&'static str],
    /// One of them is enough.
    pub any: bool,
}

/// The rules between options.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Constraints {
    /// `mutually_exclusive`.
    pub mutually_exclusive: &'static [&'static [&'static str]],
    /// `required_together`.
    pub required_together: &'static [&'static [&'static str]],
    /// `required_one_of`.
    pub required_one_of: &'static [&'static [&'static str]],
    /// `required_if`.
    pub required_if: &'static [RequiredIf],
    /// `required_by`: an option, and what it needs beside it.
    pub required_by: &'static [(&'static str, &'static [&'static str])],
}

impl Constraints {
    /// No rules.
    pub const NONE: Self = Self {
        mutually_exclusive: &[],
        required_together: &[],
        required_one_of: &[],
        required_if: &[],
        required_by: &[],
    };
}

/// What a module accepts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ArgumentSpec {
    /// Its options, in the groups a reader sees.
    pub groups: &'static [OptionGroup],
    /// The rules between them.
    pub constraints: Constraints,
}

impl ArgumentSpec {
    /// All options, in the order of declaration.
    pub fn options(&self) -> impl Iterator<Item = &'static OptionSpec> + use<> {
        self.groups.iter().flat_map(|group| group.options)
    }
}
