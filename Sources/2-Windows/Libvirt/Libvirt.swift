// Filled in by Connection.swift.
