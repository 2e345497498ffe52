//! What lies in a folder of archives.
