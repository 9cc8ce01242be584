"""名寄せ (linkage): registrations of many hospitals become persons."""
