"""Users: settings, profiles, exports, deletion, administration."""
