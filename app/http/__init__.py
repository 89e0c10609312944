"""What every HTTP route needs: request heads and bodies, validation, problems, rate limits."""
