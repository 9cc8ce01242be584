"""DPC調査データ (DPC survey data): 様式1 (FF1), EF統合 (EFn, EFg), D, H; one record is one row. K, 様式3 and 様式4 are recognised and kept aside."""
