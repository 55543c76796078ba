"""What others have written runs nothing and reaches nothing outside the project before the user has agreed to that."""
