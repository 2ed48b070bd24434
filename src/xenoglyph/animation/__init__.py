"""A fit as an animation: rows and components, sweep by sweep, beside the message length."""

from xenoglyph.animation.files import animate_fit, check_animation
from xenoglyph.animation.frames import frames_of, identities

__all__ = ["animate_fit", "check_animation", "frames_of", "identities"]
