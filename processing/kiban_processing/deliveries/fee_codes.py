"""診療報酬のコード (fee codes): the nine-digit codes of acts, drugs and devices in claims and DPC files, and how the catalogue names their systems.

The first digit tells the kind: 1 act (診療行為), 6 drug (医薬品), 7 device (特定器材), 8 comment (コメント). Source: the payment fund's base masters.
"""

ACT, DRUG, DEVICE = "1", "6", "7"
SYSTEMS = {ACT: "receipt-act", DRUG: "receipt-drug", DEVICE: "receipt-device"}
MODIFIERS = "receipt-modifier"  # 修飾語コード, four digits each, one after the other
DPC = "DPC"  # 診断群分類番号, 14 digits
SUSPECTED = "8002"  # の疑い
CODE = r"^[1678][0-9]{8}$"

# 転帰区分 of a discharge under DPC (様式1 and BU of claims).
DISCHARGE_OUTCOMES = {
    "1": "cured", "2": "improved", "3": "improved", "4": "unchanged", "5": "worse", "6": "died", "7": "died", "8": "other", "9": "other", "0": "other",
}  # fmt: skip
SEXES = {"1": "male", "2": "female"}
