"""特定健診XMLの読取り (specific health checkups): HL7 CDA R2 documents (hc08) with the item codes of the ministry, read with a parser that resolves nothing."""
