"""The public forms: contact, interest and referral; and the desk where staff work through them."""
