"""What the package depends on: locked versions, bill of materials, licences, known vulnerabilities."""
