"""Who asks, however that was found out."""

import re
from dataclasses import dataclass

# It becomes part of keys, headers and rows.
ORGANIZATION = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")


@dataclass(frozen=True)
class Caller:
    """One who may use the API.

    Attributes:
        organization_id: Whose tasks these are: no other organization can see them.
        subject: Who it is within the organization.
        admin: May use what concerns every organization.
    """

    organization_id: str
    subject: str
    admin: bool
