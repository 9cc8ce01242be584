"""SS-MIX2標準化ストレージ (ssmix2): one HL7 v2.5 message per file, filed by patient, day and data kind; read by a segment table."""
