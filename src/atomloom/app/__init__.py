"""The app room: what a person touches - commands, run folders, reports, the demo, the doctor."""
