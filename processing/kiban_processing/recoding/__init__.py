"""再符号化 (recoding): searches for the release of least loss that keeps the privacy models; works on distinct tuples with counts only (Reg 18(v))."""
