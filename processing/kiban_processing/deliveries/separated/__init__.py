"""区切り文字表の読取り (separated values): CSV and TSV as hospitals write them — a submission with its mapping, or files that a schema or their own header describes."""
