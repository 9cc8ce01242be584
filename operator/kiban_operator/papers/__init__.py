"""書面 (papers): statutory documents and forms as PDF, set by Typst from data, with a Japanese font that has every character or a refusal."""
