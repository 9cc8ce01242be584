"""名寄せの状態 (state): what a linkage run keeps, sealed, so that the next delivery costs what it brings and not what is already there."""
