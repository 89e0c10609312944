"""What every HTTP route needs: request heads and bodies, validation, problems and rate limits."""
