"""Forms of the definitions that other tools read: Arrow schemas, a Data Package, JSON Schemas.

Everything here follows from the definitions alone. Import the module of the form you need; each loads only what that
form takes.
"""
