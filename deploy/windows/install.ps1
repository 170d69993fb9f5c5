<#
.SYNOPSIS
Installs the Portcullis agent on this Windows machine, and joins a site.

.DESCRIPTION
Downloads the package from a place of yours, or takes a file, checks its hash, and has Windows Installer install it without a
question. Run it as administrator. What is decided, the package decides: docs/windows.md.

.EXAMPLE
powershell -ExecutionPolicy Bypass -File install.ps1 -Source portcullis-agent.msi -Broker broker.example:9443 -Name desk-7
Takes the package beside it, and asks for the join token, which `portcullis host join-token` prints. The token goes through a
file that system and administrators alone may read, and that is removed: it stands on no command line.

.EXAMPLE
.\install.ps1 -Source https://files.example/portcullis-agent.msi -Sha256 0a1b... -Broker broker.example:9443
Downloads the package.
#>
[CmdletBinding()]
param(
    # https://..., or the path of a file
    [Parameter(Mandatory = $true)] [string] $Source,
    # of the package, as deploy/windows/build.sh printed it; a file that you brought yourself needs none
    [ValidatePattern('^([0-9a-fA-F]{64})?$')] [string] $Sha256 = '',
    # host:port, the inner address of a broker; without it the machine joins later
    [string] $Broker = '',
    # what the host is called; this machine's name if absent
    [string] $Name = '',
    # a file with the join token, which is removed once it was used
    [string] $TokenFile = ''
)
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
Set-StrictMode -Version 2.0

$folder = Join-Path $env:SystemRoot ('Temp\portcullis-' + [guid]::NewGuid().ToString('N'))
New-Item -ItemType Directory -Path $folder | Out-Null
# for system and administrators alone, by their numbers: names are translated
& icacls.exe $folder /inheritance:r /grant '*S-1-5-18:(OI)(CI)F' '*S-1-5-32-544:(OI)(CI)F' | Out-Null
if ($LASTEXITCODE -ne 0) { throw "No private folder could be made ($LASTEXITCODE): run this as administrator." }
try {
    $package = Join-Path $folder 'portcullis-agent.msi'
    if ($Source -like 'https://*') {
        if (-not $Sha256) { throw 'A package that is downloaded needs its hash: -Sha256.' }
        [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
        Invoke-WebRequest -UseBasicParsing -Uri $Source -OutFile $package
    } elseif ($Source -like '*://*') {
        throw 'Packages are downloaded by https alone.'
    } else {
        Copy-Item -LiteralPath $Source -Destination $package
    }
    $found = (Get-FileHash -LiteralPath $package -Algorithm SHA256).Hash
    if ($Sha256 -and $found -ne $Sha256) { throw "The package has the hash $found, expected was $Sha256." }

    $log = Join-Path $folder 'msiexec.log'
    $arguments = @('/i', "`"$package`"", '/qn', '/norestart', '/l*v', "`"$log`"")
    if ($Broker) {
        if (-not $TokenFile) {
            $secret = Read-Host -AsSecureString -Prompt 'Join token'
            $TokenFile = Join-Path $folder 'join-token'
            $plain = (New-Object Net.NetworkCredential('', $secret)).Password
            [IO.File]::WriteAllText($TokenFile, $plain)
        }
        $TokenFile = (Resolve-Path -LiteralPath $TokenFile).ProviderPath
        $arguments += @("BROKERURL=$Broker", "JOINTOKENFILE=`"$TokenFile`"")
        if ($Name) { $arguments += "HOSTNAME=$Name" }
    }
    $done = Start-Process -FilePath msiexec.exe -ArgumentList $arguments -Wait -PassThru
    if ($done.ExitCode -eq 3010) {
        Write-Output 'Installed. Files of an older version are removed at the next restart.'
    } elseif ($done.ExitCode -ne 0) {
        $kept = Join-Path $env:SystemRoot ('Temp\' + (Split-Path -Leaf $folder) + '.log')
        Copy-Item -LiteralPath $log -Destination $kept
        throw "Windows Installer ended with $($done.ExitCode). See $env:ProgramData\Portcullis\logs\install.log and $kept."
    } else {
        Write-Output 'Installed.'
    }
} finally {
    Remove-Item -LiteralPath $folder -Recurse -Force
}
