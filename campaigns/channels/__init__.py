"""The ways out, one file each. Only `campaigns.delivery` opens one."""

from campaigns.channels.base import Channel, LineBroken, Refused, Slows, TryLater, WrongPermission
from campaigns.channels.email import Email
from campaigns.channels.webhook import Webhook

# What a storefront shows on its own site is in the API's answer: nothing is sent, so there is no channel for it.
CHANNELS: dict[str, type[Channel]] = {"email": Email, "webhook": Webhook}

__all__ = ["CHANNELS", "Channel", "LineBroken", "Refused", "Slows", "TryLater", "WrongPermission"]
