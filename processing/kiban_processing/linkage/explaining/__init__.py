"""名寄せの説明 (explaining): why a pair was judged as it was, why registrations are one person, and how good a whole run is."""
