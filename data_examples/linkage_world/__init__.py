"""名寄せの試験世界 (linkage test world): invented lives, the registrations hospitals made of them, and the truth about who is who."""
