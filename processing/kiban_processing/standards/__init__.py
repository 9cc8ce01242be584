"""五つの基準 (standards): one module per standard of Reg 18, each judging the finished data by itself."""
