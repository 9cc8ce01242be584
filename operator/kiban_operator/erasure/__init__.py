"""消去 (erasure): one person, one submission, one hospital or everything leaves the home for good, by order of two people, with proof (Act 20).

`orders` holds the order and its states; `reach` what it takes in; `files` rewrites or destroys what holds it; `quarantine` looks into raw rows;
`pending` ends releases not yet handed over; `traces` clears control data; `scan` proves absence; `running` conducts and can be resumed.
"""
