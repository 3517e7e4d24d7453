"""Connections to a broker: viewers, aggregators, hosts, and enrolment by invite."""
