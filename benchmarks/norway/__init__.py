"""Norway, 2022 to 2024: plans by the default policy beside what was really asked and decided."""
