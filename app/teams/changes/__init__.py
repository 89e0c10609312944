"""What has changed on the schedules of an organisation, as a stream that is followed."""
