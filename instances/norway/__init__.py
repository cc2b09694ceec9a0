"""Norway in 2022, 2023 and 2024: published figures and named assumptions."""
