"""合成データ (synthetic data): three invented hospitals, their patients and ten years of records, the same bytes for the same seed."""
