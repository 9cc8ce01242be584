"""レセプト電算処理 (UKE): electronic claims, medical and DPC; one record is one receipt (レセプト), from its RE line to the next."""
