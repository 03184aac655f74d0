# Nothing but the state: no provider is downloaded.
terraform {
  backend "local" {
    path = "here.tfstate"
  }
}

output "greeting" {
  value = "hello"
}
