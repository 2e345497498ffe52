//! What `AnsibleModule` does for a Python module, for a module that is a program.

pub mod option;
